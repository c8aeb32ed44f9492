"""The command line as a whole: help, exit codes, quiet ends, quiet libraries."""

import inspect
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import pytest
from conftest import MakeImage, heed_interrupts, here
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal import VGG16ImageClassifier, __version__
from skfakereal.cli import build_parser, main

VERBS = (
    *("demo", "audit", "equalize", "train", "evaluate", "robustness", "recalibrate"),
    *("predict", "serve", "score", "explain", "provenance", "cache", "completion"),
)
COLUMNS = b"path,label,probability,error,provenance,provenance_detail,novelty\n"


def users_environment() -> dict[str, str]:
    """Return the environment without what the tests add to it."""
    ours = ("TF_CPP_MIN_LOG_LEVEL", "MPLBACKEND")
    return {name: value for name, value in here().items() if name not in ours}


def start(model: str, *paths: str) -> subprocess.Popen[bytes]:
    """Start to predict in a process of its own."""
    words = [sys.executable, "-m", "skfakereal", "predict", "--trust", model, *paths]
    return subprocess.Popen(
        [*words, "--format", "csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=users_environment(),
        preexec_fn=heed_interrupts,
    )


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"skfakereal {__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_examples_and_fits_a_narrow_terminal(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    text = capsys.readouterr().out
    assert f"\nexamples:\n  skfakereal {verb}" in text
    assert [line for line in text.splitlines() if len(line) > 82] == []
    takes_model = ("predict", "serve", "score", "evaluate", "explain", "robustness")
    if verb in (*takes_model, "recalibrate"):
        assert "runs any code in it" in text


def test_examples_of_the_help_are_valid_commands() -> None:
    parser = build_parser()
    texts = [parser.epilog or ""]
    for action in parser._subparsers._group_actions:  # type: ignore[union-attr]
        texts += [verb.epilog for verb in action.choices.values()]  # type: ignore[union-attr]
    examples = re.findall(
        r"^  skfakereal ([^|#\n]*?)(?:   .*|\|.*)?$", "\n".join(texts), re.M
    )
    assert len(examples) > 10
    for example in examples:
        assert parser.parse_args(example.split()).run


def test_defaults_in_the_help_are_those_of_the_estimator(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "500")
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    options = capsys.readouterr().out.split("parameters of VGG16ImageClassifier:")[1]
    told = re.findall(r"^  --([a-z-]+) .*(?:\n {10}.*)?\(default: (.*)\)$", options, re.M)
    known = {
        name: parameter.default
        for name, parameter in inspect.signature(VGG16ImageClassifier).parameters.items()
    }
    words = {(224, 224): "224", (): "none", None: "all"}
    assert len(told) > 10
    for option, default in told:
        if option == "validation-fraction":
            # "auto" would cross-validate epochs, too; what Keras trains names its part here.
            assert default.startswith("0.1; none for a linear head")
        elif option != "trainable-from":
            value = known[option.replace("-", "_")]
            assert words.get(value, str(value)) == default, option


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["guess"],
        ["predict", "model.joblib"],
        ["train", "photos"],
        ["train", "photos", "--out", "x", "--image-size", "big"],
        ["train", "photos", "--out", "x", "--image-size", "64x"],
        ["train", "photos", "--out", "x", "--image-size", "1x2x3"],
        ["train", "photos", "--out", "x", "--hidden-units", "a,b"],
        ["train", "photos", "--out", "x", "--test-fraction", "1.5"],
        ["train", "photos", "--out", "x", "--test-fraction", "half"],
        ["train", "photos", "--out", "x", "--epoch", "3"],
        ["predict", "m", "a.jpg", "--format", "xml"],
    ],
)
def test_wrong_usage_is_exit_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage: skfakereal" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["predct", "m", "a.jpg"], "predict"),
        (["Train"], "train"),
        (["scores"], "score"),
        (["--verison"], "--version"),
        (["predict", "m", "a.jpg", "--stabel"], "--stable"),
        (["train", "photos", "--out", "x", "--epoch=3"], "--epochs"),
        (["train", "photos", "--out", "x", "--target_fpr", "0.1"], "--target-fpr"),
    ],
)
def test_what_is_mistyped_is_answered_with_the_nearest(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert f"Did you mean {meant}?" in capsys.readouterr().err


def test_what_is_like_nothing_gets_no_guess(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["xyzzy"], ["predict", "m", "a.jpg", "--xyzzy"]):
        with pytest.raises(SystemExit):
            main(words)
        assert "mean" not in capsys.readouterr().err


def test_the_bare_name_gets_an_overview(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    text = capsys.readouterr().err
    assert all(verb in text for verb in VERBS)
    assert len(text.splitlines()) < 15
    assert max(map(len, text.splitlines())) <= 82
    parser = build_parser()
    for example in re.findall(r"^  skfakereal (.*?)   ", text, re.M):
        assert parser.parse_args(example.split()).run


def test_an_error_is_one_line_and_debug_shows_where(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["predict", "no-model", "a.jpg"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("skfakereal: error: MODEL must be a folder")
    assert main(["predict", "no-model", "a.jpg", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def fail(X: Any) -> Any:
    raise RuntimeError("a step\nfailed")


def test_an_unforeseen_error_tells_its_type_in_one_line(
    tmp_path: Path, make_image: MakeImage, capsys: pytest.CaptureFixture[str]
) -> None:
    step = FunctionTransformer(fail)
    model = Pipeline([("step", step), ("last", DummyClassifier().fit([[0]] * 2, [0, 1]))])
    joblib.dump(model, tmp_path / "m.joblib")
    assert (
        main(["predict", "--trust", str(tmp_path / "m.joblib"), make_image("a.png")]) == 1
    )
    said = "RuntimeError: a step failed (--debug shows where it happened)"
    assert capsys.readouterr().err == f"skfakereal: error: {said}\n"


@pytest.fixture
def quick_model(tmp_path: Path) -> str:
    """A classifier that needs no TensorFlow, which takes seconds to load."""
    joblib.dump(DummyClassifier().fit([["a"], ["b"]], [0, 1]), tmp_path / "quick.joblib")
    return str(tmp_path / "quick.joblib")


def test_broken_pipe_ends_quietly(quick_model: str, make_image: MakeImage) -> None:
    process = start(quick_model, *[make_image("a.png", 5)] * 5000)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == COLUMNS
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 141


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_interruption_ends_quietly(
    name: str, quick_model: str, make_image: MakeImage
) -> None:
    number = getattr(signal, name, None)
    if number is None or signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"{name} is unknown or ignored here, as by nohup")
    # More rows than a pipe holds: it waits for a reader when the signal comes.
    process = start(quick_model, *[make_image("a.png", 5)] * 5000)
    assert process.stdout is not None
    assert process.stdout.readline() == COLUMNS
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == b"skfakereal: interrupted\n"


# What bash does when Tab is pressed.
PRESS_TAB = """
source /dev/stdin
function=$(complete -p skfakereal | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
$function skfakereal "${COMP_WORDS[$COMP_CWORD]}" "${COMP_WORDS[$COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["eq"], ["equalize"]),
        (["train", "--pool"], ["--pooling"]),
        (
            ["train", "--pooling", ""],
            ["correlations", "statistics", "avg", "max", "flatten"],
        ),
        (["predict", "det"], ["detector.skfr"]),
        (["train", "photos", "--out", "r"], ["runs"]),
    ],
)
def test_bash_completes(
    words: list[str],
    offered: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "detector.skfr").touch()
    (tmp_path / "runs").mkdir()
    (tmp_path / "random.txt").touch()
    assert main(["completion", "bash"]) == 0
    process = subprocess.run(
        ["bash", "-c", PRESS_TAB, "bash", "skfakereal", *words],
        input=capsys.readouterr().out,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.split() == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_completion_knows_all_verbs(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(verb in script for verb in VERBS)
