"""``skfakereal evaluate``: how good is a model on these images?"""

from argparse import ArgumentParser, Namespace
from contextlib import ExitStack

from skfakereal.cli._arguments import (
    Verbs,
    add_model,
    add_run,
    add_tested,
    add_verb,
    finish_verb,
)
from skfakereal.cli._output import complain, counted, say, wants_progress

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Classify labelled images and compare: accuracy, precision, recall, F1, ROC-AUC,
average precision and the confusion matrix. FOLDER is laid out as for
`skfakereal train`.

Figures are worth something only on images that the model was not trained on. If
MODEL is a run folder, you are told how many images are, byte for byte, among
those of its training.
"""

_EPILOG = """\
examples:
  skfakereal evaluate detector/ more-photos/
  skfakereal evaluate detector/ photos/ --split test --out evaluation/
  skfakereal evaluate pipeline.joblib more-photos/

MODEL is a run folder, a .skfr file (skfakereal.save), or a joblib file of any
fitted scikit-learn classifier over image paths. With --out, report.html,
metrics.json, predictions.csv, config.json and the plots are written. Images that
cannot be read are named, and left out of the figures.

exit codes:
  0 done    3 done, but some images could not be read    1 error    2 wrong usage

A .skfr file is safe to load. WARNING: a joblib file runs whatever code it holds
when it is loaded. Only use those that you made or whose maker you trust.
"""


def add_parser(verbs: "Verbs[ArgumentParser]") -> None:
    """Add the verb to the parser.

    Parameters
    ----------
    verbs : argparse action
        Where to add it.
    """
    parser = add_verb(
        verbs,
        "evaluate",
        summary="tell how good a model is on labelled images",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add_model(parser)
    parser.add_argument("folder", metavar="FOLDER", help="the labelled images")
    add_run(parser)
    add_tested(parser)
    finish_verb(parser, run)


def run(arguments: Namespace) -> int:
    """Evaluate the model, and write a run folder if one is asked for.

    Parameters
    ----------
    arguments : Namespace
        What was parsed.

    Returns
    -------
    int
        0, or 3 if some images could not be read.
    """
    from skfakereal.cli._chance import no_better_than_chance
    from skfakereal.cli._evaluation import evaluate_part, write_evaluation
    from skfakereal.cli._manifest import seen_cautions
    from skfakereal.cli._model import load_model
    from skfakereal.cli._record import describe_run, settings_of
    from skfakereal.cli._run_folder import new_run, seal
    from skfakereal.cli._tested import tested_part

    progress, out = wants_progress(arguments.progress), arguments.out
    with ExitStack() as stack:
        # First of all, so that a place that is taken comes to light before the work.
        folder = stack.enter_context(new_run(out, force=arguments.force)) if out else None
        model = load_model(
            arguments.model, pos_label=arguments.pos_label, names=arguments.classes
        )
        part, how = tested_part(arguments.folder, arguments.split, model)
        report, verdicts = evaluate_part(model, part, progress=progress)
        cautions = seen_cautions(model, part, progress=progress)
        cautions += no_better_than_chance(report)
        say(f"{report.summary()}\n\n{report!r}")
        for caution in cautions:
            say(f"\nCaution: {caution}")
        if folder is not None:
            config = describe_run(
                arguments.command_line,
                data={
                    "folder": arguments.folder,
                    "classes": list(model.names),
                    "test": part.count(model.names),
                    "test_images": how,
                    "unreadable": report.unreadable,
                },
                model={"file": arguments.model, **settings_of(model.estimator)},
                remarks=cautions,
                decision=model.config.get("decision"),
            )
            write_evaluation(
                folder,
                "Fake or real?",
                report,
                verdicts,
                model,
                part.labels,
                config,
                cautions=cautions,
                how=how,
            )
            seal(folder, config)
    if out:
        say(f"\nThe report is {out}/report.html.")
    if report.unreadable:
        complain(f"{counted(len(report.unreadable), 'image')} could not be read")
    return 3 if report.unreadable else 0
