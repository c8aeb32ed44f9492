"""A folder of labelled images -> a trained detector with its report, in a run folder."""

from skfakereal._judging import MODEL_FILE
from skfakereal.cli.run._folder import new_run
from skfakereal.cli.train._decide import decide
from skfakereal.cli.train._fit import fit, store_for
from skfakereal.cli.train._prepare import Plan, prepare
from skfakereal.cli.train._write import Trained, label_line, write

__all__ = ["Plan", "Trained", "label_line", "train_run"]


def train_run(plan: Plan) -> Trained:
    """Train, test, and write the run folder.

    Whatever fails before the model is fitted leaves nothing; what fails later raises an
    `UnfinishedRunError`, and the model stays.
    """
    reads = filter(None, [plan.folder, plan.groups_file])
    with new_run(plan.out, force=plan.force, reads=reads, kept=MODEL_FILE) as folder:
        prepared = prepare(folder, plan)
        with store_for(prepared) as cache:
            fitted = fit(folder, plan, prepared, cache)
            decided = decide(folder, plan, fitted)
            return write(folder, plan, fitted, decided)
