CREATE TEMP VIEW problem AS SELECT *, '' AS fingerprint, NULL AS sha256, NULL AS front_sha256 FROM main.problem;
CREATE TEMP VIEW run AS SELECT *, NULL AS front, NULL AS deviations, NULL AS sha256 FROM main.run;

CREATE TEMP TABLE own_value (
  run INTEGER NOT NULL, step INTEGER NOT NULL, feasible INTEGER NOT NULL, raw BLOB NOT NULL, PRIMARY KEY (run, step)
) WITHOUT ROWID;
