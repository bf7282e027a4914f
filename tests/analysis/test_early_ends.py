"""A study's tables say which runs ended before their budget, after how many cells, and why."""

from eomoo.analysis.compared import study_tables
from eomoo.analysis.printing.terminal import study_lines
from eomoo.analysis.results import load_results
from eomoo.study.execute import run_study
from eomoo.study.plan import parse_study


def test_runs_that_ended_early_are_told_with_their_reason(card, tmp_path):
    study = parse_study(
        {
            "problems": [str(card("err", "lat", source="part", stem="few"))],
            "algorithms": [
                {"algorithm": "random", "budget": 500},
                {"label": "short", "algorithm": "random", "budget": 40},
            ],
            "seeds": 2,
        }
    )
    run_study(study, tmp_path)
    told = [
        line for line in study_lines(study_tables(load_results(tmp_path)), ["hypervolume"]) if isinstance(line, str)
    ]
    assert told[-1] == (
        "few, random: 2 of 2 runs ended before their budget, one of them after 425 cells: "
        "all 425 cells of the problem have been evaluated"
    )
    assert not any("few, short" in line for line in told)
