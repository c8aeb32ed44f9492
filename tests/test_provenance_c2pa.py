"""C2PA manifests that are signed here: whole, by strangers, changed, damaged, hostile."""

import datetime
import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from image_attacks import png_chunk, saved
from PIL import Image

from skfakereal.provenance import Provenance, read_provenance

c2pa = pytest.importorskip("c2pa")
x509 = pytest.importorskip("cryptography.x509")
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
KINDS = {"JPEG": "jpeg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "TIFF": "tiff"}


class Signer:
    """A certificate authority and the one whom it has given a certificate."""

    def __init__(self, organisation: str) -> None:
        authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        given = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organisation)
        names = [
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name), given])
            for name in ("Root", "Signer")
        ]
        key_id = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
        kinds = ("key_encipherment", "data_encipherment", "encipher_only", "decipher_only")
        uses = dict.fromkeys(("content_commitment", "key_agreement", *kinds), False)
        root = self._begun(names[0], names[0], authority)
        root = root.add_extension(x509.BasicConstraints(True, None), True)
        root = root.add_extension(key_id, False)
        signs = x509.KeyUsage(False, key_cert_sign=True, crl_sign=True, **uses)
        root = root.add_extension(signs, True).sign(authority, hashes.SHA256())
        leaf = self._begun(names[1], names[0], own)
        leaf = leaf.add_extension(x509.BasicConstraints(False, None), True)
        signs = x509.KeyUsage(True, key_cert_sign=False, crl_sign=False, **uses)
        mail = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        leaf = leaf.add_extension(signs, True).add_extension(mail, False)
        by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id)
        leaf = leaf.add_extension(by, False).sign(authority, hashes.SHA256())
        pem = serialization.Encoding.PEM
        self.root = root.public_bytes(pem)
        self.chain = leaf.public_bytes(pem) + self.root
        how = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        self.key = own.private_bytes(pem, *how)

    @staticmethod
    def _begun(subject, issuer, key):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime(2025, 1, 1))
            .not_valid_after(datetime.datetime(2045, 1, 1))
        )

    def sign(self, data: bytes, kind: str, *actions: dict, edited: bool = False) -> bytes:
        settings = {
            "verify": {"verify_after_sign": False},
            "builder": {"thumbnail": {"enabled": False}},
        }
        done = {"label": "c2pa.actions.v2", "data": {"actions": list(actions)}}
        maker = {"name": "test maker", "version": "1"}
        manifest = {"claim_generator_info": [maker], "assertions": [done]}
        builder = c2pa.Builder(manifest, context=c2pa.Context.from_dict(settings))
        if edited:
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
        facts = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, self.chain, self.key, None)
        out = io.BytesIO()
        signer = c2pa.Signer.from_info(facts)
        builder.sign(signer, f"image/{kind}", io.BytesIO(data), out)
        return out.getvalue()


@pytest.fixture(scope="module")
def lab() -> Signer:
    return Signer("Test Lab")


@pytest.fixture
def said(tmp_path: Path, lab: Signer):
    def said(data: bytes) -> Provenance:
        (tmp_path / "image").write_bytes(data)
        (tmp_path / "list.pem").write_bytes(lab.root)
        return read_provenance(tmp_path / "image", trust_list=tmp_path / "list.pem")

    return said


def made(term: str) -> dict[str, str]:
    return {"action": "c2pa.created", "digitalSourceType": IPTC + term}


def picture(kind: str = "PNG") -> bytes:
    return saved(Image.new("RGB", (32, 32), (200, 30, 60)), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_image_of_every_format(kind: str, lab: Signer, said) -> None:
    data = lab.sign(picture(kind), KINDS[kind], made("trainedAlgorithmicMedia"))
    found = said(data)
    assert found.claim == "generated"
    assert (found.manifest.trust, found.manifest.signer) == ("trusted", "Test Lab")
    assert found.manifest.made_with == "test maker 1"
    assert "list.pem" in found.manifest.trust_list
    assert found.statements[0].trust == "trusted"
    assert "signed by Test Lab" in found.summary


def test_a_stranger_is_told_from_a_signer_of_the_list(tmp_path: Path, lab: Signer) -> None:
    data = lab.sign(picture(), "png", made("digitalCapture"))
    (tmp_path / "a.png").write_bytes(data)
    found = read_provenance(tmp_path / "a.png")  # with the list of the package
    assert found.manifest.trust == "unknown signer"
    assert found.claim == "captured"
    assert "not on the trust list" in found.summary


def test_the_variable_names_another_list(tmp_path: Path, lab: Signer, monkeypatch) -> None:
    (tmp_path / "a.png").write_bytes(lab.sign(picture(), "png", made("digitalCapture")))
    (tmp_path / "own.pem").write_bytes(lab.root)
    monkeypatch.setenv("SKFAKEREAL_C2PA_TRUST", str(tmp_path / "own.pem"))
    found = read_provenance(tmp_path / "a.png")
    assert found.manifest.trust == "trusted"


@pytest.mark.parametrize("term", ["trainedAlgorithmicMedia", "digitalCapture"])
def test_a_changed_image_fails_its_check(term: str, lab: Signer, said) -> None:
    data = bytearray(lab.sign(picture(), "png", made(term)))
    data[data.rindex(b"IDAT") + 20] ^= 1
    found = said(bytes(data))
    assert found.manifest.trust == "invalid"
    assert found.manifest.problems == ("the image was changed after it was signed",)
    # Nobody gains by saying falsely that AI was used; by the contrary, they do.
    assert found.claim == ("generated" if term.startswith("trained") else "")
    assert "fails its check" in found.summary


def test_a_manifest_moved_to_another_image_fails(lab: Signer, said) -> None:
    signed = lab.sign(picture(), "png", made("digitalCapture"))
    start = signed.index(b"caBX") - 4
    stop = start + 12 + int.from_bytes(signed[start : start + 4])
    other = saved(Image.new("RGB", (40, 40)), "PNG")
    found = said(other[:33] + signed[start:stop] + other[33:])
    assert found.manifest.trust == "invalid"
    assert found.claim == ""


def test_what_an_earlier_version_says_counts(lab: Signer, said) -> None:
    first = lab.sign(picture(), "png", made("digitalCapture"))
    fill = {"action": "c2pa.edited", "digitalSourceType": IPTC + "trainedAlgorithmicMedia"}
    found = said(lab.sign(first, "png", fill, edited=True))
    assert found.manifest.trust == "trusted"
    assert found.claim == "altered"
    assert {(s.claim, s.trust) for s in found.statements} == {
        ("altered", "trusted"),
        ("captured", "trusted"),
    }
    assert any("earlier version" in s.meaning for s in found.statements)


@pytest.mark.parametrize("forgery", ["stranger", "changed"])
def test_a_trusted_editor_vouches_for_no_forged_original(
    forgery: str, lab: Signer, said
) -> None:
    signer = Signer("Stranger") if forgery == "stranger" else lab
    first = bytearray(signer.sign(picture(), "png", made("digitalCapture")))
    if forgery == "changed":
        place = first.rindex(b"IDAT")
        size = int.from_bytes(first[place - 4 : place])
        pixels = zlib.compress(bytes(32 * 97))
        first[place - 4 : place + 8 + size] = png_chunk(b"IDAT", pixels)
    found = said(lab.sign(bytes(first), "png", edited=True))
    assert found.manifest.trust == "trusted"
    (statement,) = [s for s in found.statements if s.value == "digitalCapture"]
    doubt = {"stranger": "unknown signer", "changed": "invalid"}
    assert statement.trust == doubt[forgery]
    assert found.claim == ("captured" if forgery == "stranger" else "")
    assert "camera: C2PA" not in found.summary


def test_damage_anywhere_raises_nothing(lab: Signer, said) -> None:
    rng = np.random.default_rng(0)
    data = lab.sign(picture(), "png", made("digitalCapture"))
    start = data.index(b"caBX")
    for _ in range(12):
        broken = bytearray(data)
        for place in rng.integers(start, start + 2000, 5):
            broken[place] = rng.integers(256)
        found = said(bytes(broken))
        assert found.error == ""
        assert found.manifest is None or found.manifest.trust != "trusted"


def test_a_parser_that_takes_too_long_is_ended(lab: Signer, said, monkeypatch) -> None:
    data = lab.sign(picture(), "png", made("trainedAlgorithmicMedia"))
    monkeypatch.setattr("skfakereal.provenance._c2pa._SECONDS", 0.001)
    found = said(data)
    assert "took too long" in found.manifest.problems[0]
    assert (found.manifest.trust, found.claim) == ("invalid", "generated")


def test_a_trust_list_that_cannot_be_used_is_told(tmp_path: Path, lab: Signer) -> None:
    (tmp_path / "a.png").write_bytes(lab.sign(picture(), "png", made("digitalCapture")))
    (tmp_path / "odd.pem").write_text("no certificate")
    for name, why in [("odd.pem", "PEM"), ("missing.pem", "No such file")]:
        found = read_provenance(tmp_path / "a.png", trust_list=tmp_path / name)
        assert found.manifest.trust == "not checked"
        assert why in found.manifest.problems[0]
