ALTER TABLE problem ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE problem ADD COLUMN sha256 TEXT;
ALTER TABLE problem ADD COLUMN front_sha256 TEXT;
ALTER TABLE run ADD COLUMN front BLOB;
ALTER TABLE run ADD COLUMN deviations BLOB;
ALTER TABLE run ADD COLUMN sha256 TEXT;

-- What a run saw belongs to it: where that is not what the problem's first run saw, the run has a row of its own, so
-- that the runs of an unchanged landscape share theirs.
CREATE TABLE own_value (
  run INTEGER NOT NULL, step INTEGER NOT NULL, feasible INTEGER NOT NULL, raw BLOB NOT NULL, PRIMARY KEY (run, step)
) WITHOUT ROWID;

DELETE FROM meta WHERE key = 'format';
INSERT INTO meta SELECT 'runs', count(*) FROM run;
