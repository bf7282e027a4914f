"""SLURM's commands as small scripts: jobs are processes of this machine, killed at their walltime."""

import os
import stat

# The walltime counts from a job's first sign of work, so that a test does not depend on how fast workers start.
SBATCH = """#!/bin/bash
export SLURM_JOB_ID=$$
job="{folder}/$SLURM_JOB_ID"
cp "$1" "$job.sh"
setsid bash "$job.sh" >"$job.out" 2>&1 </dev/null &
echo $! >"$job.pid"
(
    while [ ! -e "$job.begun" ]; do kill -0 "$(cat "$job.pid")" || exit; sleep 0.2; done
    sleep {walltime}
    kill -KILL -- "-$(cat "$job.pid")"
) >/dev/null 2>&1 </dev/null &
echo "Submitted batch job $SLURM_JOB_ID"
"""
SQUEUE = """#!/bin/bash
for file in "{folder}"/*.pid; do
    # Where nobody takes note of its end a process stays as a zombie.
    state=$(cut -d " " -f 3 "/proc/$(cat "$file")/stat" 2>/dev/null)
    [ -n "$state" ] && [ "$state" != Z ] && basename "$file" .pid
done
true
"""
SCANCEL = """#!/bin/bash
kill -KILL -- "-$(cat "{folder}/$1.pid")" 2>/dev/null
true
"""


def install(folder, monkeypatch, *, walltime=2, **others):
    """Put the commands first on the path; the folder of the jobs' scripts, output and signs of work."""
    jobs, commands = folder / "slurm", folder / "bin"
    jobs.mkdir()
    commands.mkdir()
    for name, script in {"sbatch": SBATCH, "squeue": SQUEUE, "scancel": SCANCEL, **others}.items():
        (commands / name).write_text(script.format(folder=jobs, walltime=walltime))
        (commands / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    return jobs
