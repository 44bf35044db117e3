"""One attack's run: its processes, what the innocent account felt, and what was broken."""

import multiprocessing
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.pool import Pool
from pathlib import Path
from random import Random
from typing import LiteralString

from infra.attacks.clients import be_nice
from infra.attacks.innocent import Felt, Innocent, median, percentile
from infra.attacks.outcome import Outcome
from infra.attacks.target import Target, started
from shared.errors import OperatorError

_ATTACKERS = 4
_ATTACKER_SECONDS = 180.0  # each ends before, by itself
_MAX_REFUSED_SECONDS = 5.0
_WARM_UP_IMAGES = 4
_POLL_SECONDS = 0.2

_IMAGES_RUN_AGAIN = """
SELECT count(*) FROM images WHERE attempt > 1
"""


@dataclass(frozen=True)
class Form:
    """How long an attack is measured, and how much slower the innocent account may become.

    share: of the images and connections of the full form. max_p50_ratio, max_p99_ratio: of the time
    of a small image during the attack to that before it; None: it is not looked at.
    """

    idle_seconds: float
    seconds: float
    share: float
    max_p50_ratio: float | None
    max_p99_ratio: float | None


FULL = Form(idle_seconds=6, seconds=20, share=1.0, max_p50_ratio=3, max_p99_ratio=3)
# Other tests run at the same time, so only facts are looked at, and no time.
SHORT = Form(idle_seconds=2, seconds=6, share=0.1, max_p50_ratio=None, max_p99_ratio=None)


class Run:
    """What an attack works with. It adds to `figures` and `violations`."""

    def __init__(self, target: Target, form: Form, random: Random, attackers: Pool) -> None:
        self.target = target
        self.form = form
        self.random = random
        self.innocent_key = target.new_account()
        self.innocent = Innocent(target.url, self.innocent_key)
        self.felt = Felt()
        self.figures: dict[str, float] = {}
        self.violations: list[str] = []
        self._attackers = attackers

    def start(
        self, attacker: Callable[..., dict[str, int]], *arguments: object
    ) -> Callable[[], dict[str, int]]:
        """Runs the function of `clients` in a process of its own, against this service.

        Returns what waits for its counts; it raises OperatorError when they do not come.
        """
        running = self._attackers.apply_async(attacker, (self.target.url, *arguments))

        def counts() -> dict[str, int]:
            try:
                return running.get(_ATTACKER_SECONDS)
            except multiprocessing.TimeoutError:
                raise OperatorError(f"{attacker.__name__} did not end") from None

        return counts

    def scaled(self, full: int) -> int:
        """`full`, which fits the full form, scaled to this one; at least 1."""
        return max(1, round(full * self.form.share))

    def feel(self, seconds: float | None = None) -> None:
        """Measures what the innocent account feels now; for as long as the form says by default."""
        self.felt = self.innocent.feel(seconds or self.form.seconds)

    def require(self, holds: object, sentence: str) -> None:
        """Notes the sentence as a violation unless `holds`."""
        if not holds:
            self.violations.append(sentence)

    def wait_until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Whether the condition becomes true in that time."""
        until = time.monotonic() + seconds
        while not (holds := bool(condition())) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        return holds

    def wait_until_number(self, statement: LiteralString, at_least: float, seconds: float) -> None:
        """Waits until the statement returns such a number; raises OperatorError without it."""
        if not self.wait_until(lambda: self.target.number(statement) >= at_least, seconds):
            raise OperatorError(f"the attack did not begin within {seconds:.0f} s")


class SkippedError(OperatorError):
    """This attack cannot be made on this machine; the message says why."""


@dataclass(frozen=True)
class Attack:
    """An attack: a function whose docstring says what it does, and what the service starts with.

    before: called with the temporary directory that the service shares with all users. It may
    raise SkippedError.
    """

    act: Callable[[Run], None]
    settings: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[Path], object] | None = None

    @property
    def name(self) -> str:
        """The function's name."""
        return self.act.__name__

    @property
    def sentence(self) -> str:
        """The first line of the function's docstring."""
        return (self.act.__doc__ or "").partition("\n")[0]


def run(attack: Attack, seed: int, form: Form) -> Outcome:
    """Attacks a new service, and says what the innocent account felt and what was broken."""
    spawn = multiprocessing.get_context("spawn")
    try:
        with (
            started(attack.settings, attack.before) as target,
            spawn.Pool(_ATTACKERS, be_nice) as attackers,  # they are ended with the block
        ):
            return _run(attack, Run(target, form, Random(f"{seed} {attack.name}"), attackers))
    except SkippedError as error:
        return Outcome(attack.name, attack.sentence, skipped=error.message)


def _run(attack: Attack, run: Run) -> Outcome:
    run.innocent.feel(0, _WARM_UP_IMAGES)
    idle = run.innocent.feel(run.form.idle_seconds)
    began = time.monotonic()
    try:
        attack.act(run)
    except OperatorError as error:
        run.violations.append(error.message)
    _check_innocent(run, idle)
    _check_processes(run)
    seconds = time.monotonic() - began
    return Outcome(
        attack.name, attack.sentence, idle, run.felt, run.figures, run.violations, round(seconds, 1)
    )


def _check_innocent(run: Run, idle: Felt) -> None:
    felt, form = run.felt, run.form
    run.require(felt.images, "the innocent account got no image")
    for unanswered in sorted(set(felt.unanswered)):
        count = felt.unanswered.count(unanswered)
        run.violations.append(f"the innocent account was not answered {count} times: {unanswered}")
    run.require(
        felt.refused_seconds <= _MAX_REFUSED_SECONDS,
        f"the innocent account was refused for {felt.refused_seconds:.1f} s",
    )
    if form.max_p50_ratio is not None:
        ratio = median(felt.images) / median(idle.images)
        run.require(
            not ratio > form.max_p50_ratio,
            f"the innocent account's p50 is {ratio:.1f} x its idle one",
        )
    if form.max_p99_ratio is not None:
        ratio = percentile(felt.images, 99) / percentile(idle.images, 99)
        run.require(
            not ratio > form.max_p99_ratio,
            f"the innocent account's p99 is {ratio:.1f} x its idle one",
        )


def _check_processes(run: Run) -> None:
    killed = run.target.killed()
    run.require(not killed, f"a process was killed: {killed[:1]} ({len(killed)} lines)")
    again = run.target.number(_IMAGES_RUN_AGAIN)
    run.require(not again, f"{again:.0f} images were run again")
