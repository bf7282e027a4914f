"""Print the job script of a cluster file, without submitting it: python job_script.py FILE.toml"""

import sys

from eomoo.jobs import slurm_cluster


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python job_script.py FILE.toml")
    with slurm_cluster(sys.argv[1]) as cluster:
        print(cluster.job_script())


if __name__ == "__main__":
    main()
