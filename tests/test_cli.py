"""The command line as a whole: help, exit codes, quiet ends, quiet libraries."""

import inspect
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import pytest
from conftest import Command, MakeImage, Patch, Said, heed_interrupts, here
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal import VGG16ImageClassifier, __version__
from skfakereal._store.store import ActivationStore
from skfakereal.cli import build_parser, main, parse

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


def test_version(capsys: Said) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"skfakereal {__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_examples_and_fits_a_narrow_terminal(
    verb: str, capsys: Said, monkeypatch: Patch
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
    capsys: Said, monkeypatch: Patch
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
def test_wrong_usage_is_exit_code_2(words: list[str], capsys: Said) -> None:
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
        (["xyzzy"], None),
        (["predict", "m", "a.jpg", "--xyzzy"], None),
    ],
)
def test_what_is_mistyped_is_answered_with_the_nearest(
    words: list[str], meant: str | None, capsys: Said
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert f"Did you mean {meant}?" in told if meant else "mean" not in told


def test_the_bare_name_gets_an_overview(capsys: Said) -> None:
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


def test_an_error_is_one_line_and_debug_shows_where(command: Command) -> None:
    lines = command("predict", "no-model", "a.jpg", code=1).err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("skfakereal: error: MODEL must be a folder")
    assert "Traceback" in command("predict", "no-model", "a.jpg", "--debug", code=1).err


def fail(X: Any) -> Any:
    raise RuntimeError("a step\nfailed")


def test_an_unforeseen_error_tells_its_type_in_one_line(
    tmp_path: Path, make_image: MakeImage, capsys: Said
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
    assert process.stdout.readline() == COLUMNS
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 141


@pytest.mark.parametrize(
    "name",
    ["SIGINT", *(pytest.param(s, marks=pytest.mark.slow) for s in ("SIGTERM", "SIGHUP"))],
)
def test_interruption_ends_quietly(
    name: str, quick_model: str, make_image: MakeImage
) -> None:
    number = getattr(signal, name, None)
    if number is None or signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"{name} is unknown or ignored here, as by nohup")
    # More rows than a pipe holds: it waits for a reader when the signal comes.
    process = start(quick_model, *[make_image("a.png", 5)] * 5000)
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
    words: list[str], offered: list[str], tmp_path: Path, command: Command
) -> None:
    (tmp_path / "detector.skfr").touch()
    (tmp_path / "runs").mkdir()
    (tmp_path / "random.txt").touch()
    process = subprocess.run(
        ["bash", "-c", PRESS_TAB, "bash", "skfakereal", *words],
        input=command("completion", "bash").out,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.split() == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_completion_knows_all_verbs(shell: str, command: Command) -> None:
    script = command("completion", shell).out
    assert all(verb in script for verb in VERBS)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: Patch) -> ActivationStore:
    monkeypatch.setenv("SKFAKEREAL_CACHE", str(tmp_path / "store"))
    store = ActivationStore(tmp_path / "store")
    store.put_many((os.urandom(16), os.urandom(1024)) for _ in range(100))
    return store


def test_info_counts(store: ActivationStore, command: Command) -> None:
    said = command("cache", "info").out
    assert said.startswith(f"{store.folder}: 100 entries, 0.")
    assert "MiB of 10,240 MiB" in said
    assert store.info().n_entries == 100


def test_clear_empties(store: ActivationStore, command: Command) -> None:
    assert ": 0 entries, 0.0 MiB" in command("cache", "clear").out
    assert ActivationStore(store.folder).info().n_entries == 0


def test_a_folder_can_be_named(tmp_path: Path, command: Command) -> None:
    said = command("cache", "info", "--cache", tmp_path / "none").out
    assert f"{tmp_path / 'none'}: 0 entries" in said
    assert not (tmp_path / "none").exists()


def test_no_cache_is_said(monkeypatch: Patch, command: Command) -> None:
    monkeypatch.setenv("SKFAKEREAL_CACHE", "off")
    assert "SKFAKEREAL_CACHE is off" in command("cache", "clear").out


FILE = """
# How our detectors are trained.
image-size = [64, 96]
hidden_units = [256, 128]
learning-rate = 1e-4
epochs = 7
classes = ["real", "a, fake"]
costs = "10:1"
no-audit = true
early-stopping = false
skip-unreadable = true
groups = "none"
weights = "none"
out = "runs/one"
"""
OPTIONS = (
    "--image-size 64x96 --hidden-units 256,128 --learning-rate 1e-4 --epochs 7 --costs 10:1 "
    "--no-audit --no-early-stopping --skip-unreadable --groups none --weights none"
)


def test_a_file_is_the_same_as_its_options(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(FILE)
    words = ["train", "photos", "--config", str(tmp_path / "a.toml")]
    found = vars(parse(words))
    named = ["--out", "runs/one", "--classes", "real,a, fake"]
    wanted = vars(parse(["train", "photos", *named, *OPTIONS.split()]))
    assert found.pop("config") == str(tmp_path / "a.toml")
    assert wanted.pop("config") is None
    assert found == wanted


def test_the_command_line_takes_precedence(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(FILE)
    config = f"--config={tmp_path / 'a.toml'}"
    for words in (["--epochs", "9", config], [config, "--epochs=9"]):
        arguments = parse(["train", "photos", *words])
        assert (arguments.epochs, arguments.image_size) == (9, (64, 96))


@pytest.mark.parametrize("text", ["", "early-stopping = true", "skip-unreadable = false"])
def test_what_is_as_it_would_be_anyway(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    words = ["train", "photos", "--out", "x"]
    found = vars(parse([*words, "--config", str(tmp_path / "a.toml")]))
    assert found | {"config": None} == vars(parse(words))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("epoch = 3", "epoch is no option. Did you mean epochs?"),
        ("config = 'b.toml'", "config is no option"),
        ("epochs = true", "epochs must be a value"),
        ("skip-unreadable = 3", "must be true or false"),
        ("[model]\nepochs = 3", "model is no option"),
        ("epochs = {a = 1}", "epochs must be a text, a number, or a list"),
        ("epochs = many", "cannot be read as TOML"),
        ("epochs = 'many'", "invalid int value: 'many'"),
        ("resize = 'pad'", "invalid choice: 'pad'"),
        (None, "No such file"),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, text: str | None, why: str, capsys: Said
) -> None:
    if text is not None:
        (tmp_path / "a.toml").write_text(text)
    with pytest.raises(SystemExit) as end:
        main(["train", "photos", "--out", "x", "--config", str(tmp_path / "a.toml")])
    assert end.value.code == 2
    assert why in capsys.readouterr().err


def test_other_verbs_take_no_file(capsys: Said) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "m", "a.jpg", "--config", "a.toml"])
    assert "unrecognized arguments: --config" in capsys.readouterr().err
