"""``skfakereal evaluate``: how good is a model on these images?"""

from argparse import ArgumentParser, Namespace

from skfakereal.cli._arguments import add_card, add_model, add_run, add_tested
from skfakereal.cli._output import say, wants_progress
from skfakereal.cli.run._folder import asked_run

SUMMARY = "measure a model on labelled images"
DESCRIPTION = """\
Classify labelled images and compare: accuracy, precision, recall, F1, ROC-AUC,
average precision and the confusion matrix. FOLDER is laid out as for
`skfakereal train`.

Figures mean something only on images that the model was not trained on. If MODEL
is a run folder, the output says how many of the images it was trained on; and
from a folder that holds the run's own test part, these images are left out,
unless --split says otherwise. They always are if the run held no test part out
(train on fewer than 200 images); if nothing is left, that is an error.
"""

EPILOG = """\
examples:
  skfakereal evaluate detector/ more-photos/
  skfakereal evaluate detector/ photos/ --split test --out evaluation/
  skfakereal evaluate detector/ more-photos/ --card detector/card.md
  skfakereal evaluate pipeline.joblib more-photos/ --trust
  grep -v copy list.txt | skfakereal evaluate detector/ -

MODEL is a run folder, a .skfr file (skfakereal.save), or, with --trust, a joblib
file of any fitted scikit-learn classifier over image paths. With --out,
report.html, metrics.json, predictions.csv, config.json and the plots are written.
Images that cannot be read are listed and left out of the figures. With --card, a
model card gets a section "Evaluation: FOLDER" (the last part of its name); a run
folder whose card was changed is not replaced by `train --force`.

exit codes:
  0 done    3 done, but some images could not be read    1 error    2 wrong usage
"""


def add_arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    add_tested(parser)
    add_run(parser)
    add_card(parser)


def run(arguments: Namespace) -> int:
    """Evaluate the model, and write a run folder if one is asked for."""
    from skfakereal.cli.run._evaluation import (
        evaluate_part,
        many_unlike,
        no_better_than_chance,
        write_evaluation,
    )
    from skfakereal.cli.run._page import add_to_card, check_card
    from skfakereal.cli.run._tested import describe_test, end_test, load_tested

    progress, out = wants_progress(arguments.progress), arguments.out
    with asked_run(arguments, arguments.model, arguments.folder) as folder:
        check_card(arguments.card)
        tested = load_tested(arguments, progress=progress)
        measured = evaluate_part(tested.model, tested.part, progress=progress)
        report = measured.report
        cautions = tested.cautions() + no_better_than_chance(report)
        cautions += many_unlike(measured)
        say(f"{report.summary()}\n\n{report!r}\n\n{tested.said()}")
        for caution in cautions:
            say(f"\nCaution: {caution}")
        if folder is not None:
            config = describe_test(arguments, tested, report.unreadable, cautions)
            write_evaluation(folder, "Fake or real?", tested.model, measured, config)
    add_to_card(arguments.card, report, arguments.folder)
    return end_test(out, report.unreadable)
