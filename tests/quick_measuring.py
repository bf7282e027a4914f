"""Settings of trainings of a tenth of a second and of timings of some passes."""

TIMING = {"runtime": "eager", "seconds": 0, "repetitions": 2, "rounds": 2, "warmup": 1}
QUICK = {
    **{"epochs": 2, "device": "cpu", "skeleton.stem_channels": 5, "skeleton.n_stacks": 2},
    **{"recipe_settings.batch_size": 16, "curve.at": "1,2", "curve.test": True},
}
