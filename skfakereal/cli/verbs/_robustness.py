"""``skfakereal robustness``: what is left of a model after JPEG, scaling, blur, noise?"""

from argparse import ArgumentParser, Namespace
from contextlib import nullcontext

from skfakereal.cli._arguments import (
    ABOUT_TRUST,
    Verbs,
    add_card,
    add_model,
    add_run,
    add_tested,
    add_verb,
    finish_verb,
    name_list,
)
from skfakereal.cli._output import say, wants_progress

_DESCRIPTION = """\
Change labelled images as they are changed on their way through the world, and
classify the copies: after JPEG and WebP at several qualities, shrinking and
enlarging, blur, noise, cropping, and what messengers do. Both classes go through
the same changes. FOLDER is laid out as for `skfakereal train`. If MODEL is a run
folder, the output says how many of the images it was trained on; and from a
folder that holds the run's own test part, these images are left out, unless
--split says otherwise. They always are if the run held no test part out (train
on fewer than 200 images); if nothing is left, that is an error.

The copies are made in a temporary folder, a few hundred at a time. Every image is
classified 29 times; --changes and --max-images reduce that.
"""

_EPILOG = """\
examples:
  skfakereal robustness detector/ more-photos/ --out robustness/
  skfakereal robustness detector/ photos/ --max-images 500 --card detector/card.md
  skfakereal robustness detector/ photos/ --changes jpeg,blur:1,chain:web

changes, all of a kind or a single one:
  jpeg, jpeg:85      quality, from 1 to 100; webp alike
  scale, scale:0.5   factor of both sides
  blur, blur:1       radius in pixels
  noise, noise:5     deviation in levels of 255
  crop, crop:0.9     share of each side that is kept
  chain, chain:web   clean (JPEG 97), web (at most 768 px, JPEG 60), or hard
                     (at most 512 px, JPEG 40)
  copy               no pixel changes, only the file: a verdict that this flips
                     did not come from the picture
  fit:768, trim:2    longest side; pixels off each edge

With --out, report.html, metrics.json, robustness.csv, predictions.csv (the
predicted label after each change), robustness.png and config.json are written.
With --card, the section "Robustness" of a model card is replaced; a run folder
whose card was changed is not replaced by `train --force`.

exit codes:
  0 done    3 done, but some images could not be read    1 error    2 wrong usage
"""


def add_parser(verbs: "Verbs[ArgumentParser]") -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "robustness",
        summary="measure what compression, scaling, blur and noise cost",
        description=_DESCRIPTION,
        epilog=_EPILOG + ABOUT_TRUST,
    )
    add_model(parser)
    add_tested(parser)
    add_run(parser)
    add_card(parser)
    parser.add_argument(
        "--changes",
        type=name_list,
        metavar="A,B,...",
        help="which changes, see below (default: 28 of all kinds)",
    )
    finish_verb(parser, run)


def run(arguments: Namespace) -> int:
    """Change and classify the images, and write a run folder if one is asked for."""
    from skfakereal.cli._tested import describe_test, end_test, load_tested
    from skfakereal.cli.run._card import add_to_card, check_card
    from skfakereal.cli.run._folder import new_run
    from skfakereal.cli.run._robustness import (
        measure,
        read_changes,
        write_robustness,
    )

    progress, out = wants_progress(arguments.progress), arguments.out
    # First of all, so that a place that is taken comes to light before the work.
    with new_run(out, force=arguments.force) if out else nullcontext() as folder:
        check_card(arguments.card)
        changes = None if arguments.changes is None else read_changes(arguments.changes)
        tested = load_tested(arguments, progress=progress)
        tested, unreadable = tested.readable(progress=progress)
        report = measure(tested.model, tested.part, changes, progress=progress)
        cautions = tested.cautions()
        say(f"{report!r}\n\n{tested.said()}")
        for caution in cautions:
            say(f"\nCaution: {caution}")
        if folder is not None:
            config = describe_test(
                arguments, tested, unreadable=unreadable, cautions=cautions
            )
            write_robustness(folder, report, config, how=tested.said(), cautions=cautions)
    add_to_card(arguments.card, report, arguments.folder)
    return end_test(out, unreadable)
