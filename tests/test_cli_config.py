"""`skfakereal train --config`: the same as the options that the file names."""

from pathlib import Path

import pytest

from skfakereal.cli import main, parse

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
    wanted = vars(
        parse(
            [
                "train",
                "photos",
                "--out",
                "runs/one",
                "--classes",
                "real,a, fake",
                *OPTIONS.split(),
            ]
        )
    )
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
    tmp_path: Path, text: str | None, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "a.toml").write_text(text)
    with pytest.raises(SystemExit) as end:
        main(["train", "photos", "--out", "x", "--config", str(tmp_path / "a.toml")])
    assert end.value.code == 2
    assert why in capsys.readouterr().err


def test_other_verbs_take_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "m", "a.jpg", "--config", "a.toml"])
    assert "unrecognized arguments: --config" in capsys.readouterr().err
