"""The API against its own document, as devices of every role; FUZZ_EXAMPLES=400 FUZZ_SEED=7 make fuzz for more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz.fuzzing import SCHEMATHESIS, fuzz

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.timeout(400 + 30 * EXAMPLES),
    pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="schemathesis is not installed"),
]


@pytest.mark.parametrize(
    ("role", "phases", "examples"),
    [
        ("manager", "examples,coverage,fuzzing", 6),
        ("register", "fuzzing", 5),
        ("handheld", "fuzzing", 5),
        ("kitchen", "fuzzing", 4),
        ("table", "fuzzing", 5),
        ("technician", "fuzzing", 4),
    ],
)
async def test_every_answer_is_as_documented(tmp_path: Path, role: str, phases: str, examples: int) -> None:
    outcome = await fuzz(tmp_path, role, examples=EXAMPLES or examples, phases=phases, seed=SEED)
    print(f"{role}: {outcome.cases:,} cases, {outcome.entries:,} entries")  # ARGS=-rP shows it
    assert outcome.status == 0, outcome.said
    assert outcome.cases > 100
    assert not [line for line in outcome.log if "Traceback" in line or line.startswith("ERROR")]


@pytest.mark.parametrize(
    ("mistake", "path", "seen"),
    [
        ("bug-in-void", "/v1/checks/{id}/void", "Server error"),
        ("undocumented-refusal", "/v1/checks/{id}/bill", "Undocumented status code"),
        ("other-shape", "/v1/sales/{id}", "Response violates schema"),
    ],
)
async def test_a_hub_with_a_defect_is_found_out(tmp_path: Path, mistake: str, path: str, seen: str) -> None:
    outcome = await fuzz(
        tmp_path,
        "manager",
        examples=100,
        phases="fuzzing",
        seed=SEED,
        more=("--include-path", path),
        program=("tests.fuzz.mistaken", mistake),
    )
    assert outcome.status == 1
    assert seen in outcome.said, outcome.said[-3000:]
