"""Pooled results of a class: the sweeps with one tag.

The statistical unit is a training. Runs with equal settings, scale and seed are the same training, even if different
members submitted them, so they count once. Otherwise, repeated runs would make the interval too narrow.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from api.science.config_text import differing_settings, format_setting, pluralize
from api.science.curves import chance_level, complete_curves, halfway_crossing, mean_halfway
from api.science.intervals import accuracy
from api.science.numerics import mixed_numerics
from api.science.prose import SUBJECT, format_percent, seed_count
from api.science.scale_figures import final_metrics
from noisesweep.models import (
    ClassMember,
    ClassResults,
    ClassScale,
    ClassSweep,
    HalfWay,
    RunStatus,
    Sweep,
    TrainingConfig,
)
from noisesweep.models.float32 import format_number
from shared.datasets import facts_of

# Settings in which pooled sweeps may differ: tests of a trained network do not change its accuracy.
_IRRELEVANT = {"test_noise"}
# Other settings that a remark lists.
MAX_LISTED = 4


@dataclass(frozen=True)
class Pool:
    """Sweeps with the settings of the class, and their pooled accuracy.

    Attributes:
        config: The settings of the class; None without a sweep.
        sweeps: The sweeps with these settings, newest first.
        others: The sweeps with other settings, newest first.
        scales: The pooled accuracy by ascending scale.
        seeds: The seeds at each of these scales.
        half_way: The mean half-way scale over the seeds, if each has succeeded at all of these scales and crosses.
        repeated: Number of succeeded runs with the scale and seed of another one, which are not counted.
    """

    config: TrainingConfig | None
    sweeps: tuple[Sweep, ...]
    others: tuple[Sweep, ...]
    scales: tuple[ClassScale, ...]
    seeds: tuple[frozenset[int], ...]
    half_way: HalfWay | None
    repeated: int


def pool(sweeps: Sequence[Sweep]) -> Pool:
    """Compute the pooled accuracy of the sweeps that have the settings of the class.

    These are the settings that most members have; of several, those of most sweeps, then those of the newest sweep.
    Sweeps that ended without a succeeded run do not count here, so a sweep that was cancelled at once does not hide
    the curve of a finished one. The result does not depend on the order of the sweeps.
    """
    newest = sorted(sweeps, key=lambda sweep: (sweep.created_at, sweep.id), reverse=True)
    groups: dict[tuple[object, ...], list[Sweep]] = {}
    for sweep in newest:
        groups.setdefault(_settings(sweep.config), []).append(sweep)
    # max returns the first of equal groups, which has the newest sweep.
    pooled = max(groups.values(), key=_weight, default=[])
    ids = {sweep.id for sweep in pooled}
    networks: dict[float, dict[int, float]] = {}
    succeeded = 0
    for sweep in pooled:
        for scale, runs in final_metrics(sweep).items():
            succeeded += len(runs)
            for seed, end in runs.items():
                # Another device or numerics version changes the last digits. The newest run counts.
                networks.setdefault(scale, {}).setdefault(seed, end.val_accuracy)
    by_scale = sorted(networks.items())
    return Pool(
        config=pooled[0].config if pooled else None,
        sweeps=tuple(pooled),
        others=tuple(sweep for sweep in newest if sweep.id not in ids),
        scales=tuple(
            # Without the number of images: an interval is about other seeds, and one seed has none.
            ClassScale(scale=scale, val_accuracy=accuracy(list(by_seed.values())), networks=len(by_seed))
            for scale, by_seed in by_scale
        ),
        seeds=tuple(frozenset(by_seed) for _, by_seed in by_scale),
        half_way=_half_way(pooled, networks),
        repeated=succeeded - sum(map(len, networks.values())),
    )


def class_results(tag: str, sweeps: Sequence[Sweep], *, complete: bool = True) -> ClassResults:
    """Return who has finished, and the pooled accuracy.

    Args:
        tag: The tag of the class.
        sweeps: The sweeps with this tag.
        complete: Whether these are all of them. Otherwise a remark says that older ones were left out.
    """
    pooled = pool(sweeps)
    ids = {sweep.id for sweep in pooled.sweeps}
    newest = sorted(sweeps, key=lambda sweep: (sweep.created_at, sweep.id), reverse=True)
    members = _members(newest)
    return ClassResults(
        tag=tag,
        config=pooled.config,
        members=members,
        sweeps=[
            ClassSweep(
                id=sweep.id,
                name=sweep.name,
                submitter=sweep.submitter,
                status=sweep.status,
                succeeded=sum(run.status is RunStatus.SUCCEEDED for run in sweep.runs),
                runs=len(sweep.runs),
                pooled=sweep.id in ids,
                link=sweep.links.self,
            )
            for sweep in newest
        ],
        scales=list(pooled.scales),
        sentence=_sentence(tag, newest, members, pooled),
        remarks=[*_remarks(newest, pooled, members), *([] if complete else [_left_out(newest)])],
    )


def _half_way(sweeps: Sequence[Sweep], networks: Mapping[float, Mapping[int, float]]) -> HalfWay | None:
    if not networks:
        return None
    curves, chance = complete_curves(networks), chance_level(sweeps[0])
    # The mean over only some seeds could be far from the curve, which is the mean over all seeds of each scale.
    if len(curves) < len(set[int]().union(*networks.values())):
        return None
    crossings = (halfway_crossing(curve, chance) for curve in curves)
    return mean_halfway([crossing for crossing in crossings if crossing])


def _weight(sweeps: Sequence[Sweep]) -> tuple[int, int]:
    """Return the numbers of members and of sweeps that have, or may still have, a succeeded run."""
    counted = [
        sweep
        for sweep in sweeps
        if not sweep.status.is_final or any(run.status is RunStatus.SUCCEEDED for run in sweep.runs)
    ]
    return len({sweep.submitter for sweep in counted}), len(counted)


def _settings(config: TrainingConfig) -> tuple[object, ...]:
    """Return what equal trainings have in common. A data set counts by its content, not by its name."""
    rest = config.model_dump_json(exclude={"dataset", "own_dataset", *_IRRELEVANT})
    return (*facts_of(config).content, rest)


def _members(newest: Sequence[Sweep]) -> list[ClassMember]:
    def name_of(sweep: Sweep) -> tuple[bool, str]:
        return sweep.submitter is None, sweep.submitter or ""

    members = []
    for _, group in groupby(sorted(newest, key=name_of), key=name_of):  # the order within a member remains
        own = list(group)
        finished = [sweep for sweep in own if sweep.status is RunStatus.SUCCEEDED]
        members.append(
            ClassMember(
                name=own[0].submitter,
                status=(finished or own)[0].status,
                sweeps=len(own),
                finished=len(finished),
                newest_finished=finished[0].id if finished else None,
                link=finished[0].links.self if finished else None,
            )
        )
    return members


def _sentence(tag: str, sweeps: Sequence[Sweep], members: Sequence[ClassMember], pooled: Pool) -> str:
    if not sweeps:
        return f"No sweep has the tag {tag} yet."
    named = [member for member in members if member.name is not None]
    if named:
        finished = sum(member.finished > 0 for member in named)
        sentences = [f"{finished} of {pluralize(len(named), 'member')} {_have(finished, len(named))} a finished sweep."]
    else:
        finished = sum(member.finished for member in members)
        sentences = [f"{finished} of {pluralize(len(sweeps), 'sweep')} {_have(finished, len(sweeps))} succeeded."]
    if pooled.scales:
        config = pooled.sweeps[0].config
        subject, before = SUBJECT[config.noise_on]
        ends = [f"{_mean(at)} {before}{_at(at)}" for at in (pooled.scales[0], pooled.scales[-1])]
        found = " and ".join(dict.fromkeys(ends))
        subject = subject.format(images=config.final_images.capitalize())
        sentences.append(f"{subject} is on average {found}{_basis(pooled.scales[-1])}.")
    else:
        sentences.append("No run has succeeded yet.")
    return " ".join(sentences)


def _have(count: int, of: int = 0) -> str:
    """Return the verb that follows "1 sweep", "2 of 3 sweeps" or "0 of 1 sweep"."""
    return "has" if count == 1 or of == 1 else "have"


def _mean(at: ClassScale) -> str:
    return format_percent(at.val_accuracy.mean)


def _at(at: ClassScale) -> str:
    return f"at scale {format_number(at.scale)}" if at.scale else "without noise"


def _basis(at: ClassScale) -> str:
    interval, seeds = at.val_accuracy, seed_count(at.networks)
    if interval.low is None or interval.high is None:
        return f" ({seeds})"
    return f" (95 % interval {format_percent(interval.low)} to {format_percent(interval.high)}, {seeds})"


def _remarks(newest: Sequence[Sweep], pooled: Pool, members: Sequence[ClassMember]) -> Iterator[str]:
    """Yield what the mean counts once, leaves out or mixes."""
    whose = "member" if len(members) > 1 else "sweep"
    advice = f"Give each {whose} {'a seed of their' if whose == 'member' else 'a seed of its'} own"
    if pooled.repeated:
        runs, repeat = pluralize(pooled.repeated, "run"), "repeats" if pooled.repeated == 1 else "repeat"
        count = "counts" if pooled.repeated == 1 else "count"
        yield f"{runs} {repeat} the scale and seed of another run and {count} once. {advice}."
    elif pooled.scales and max(at.networks for at in pooled.scales) == 1:
        yield f"Only one seed, so the mean has no interval. {advice}."
    if pooled.config and pooled.others:
        yield _other_settings(pooled.config, pooled.others)
    # While runs are open, the seeds differ for this reason only.
    if len(set(pooled.seeds)) > 1 and all(sweep.status.is_final for sweep in pooled.sweeps):
        yield (
            "Not all scales have the same seeds, so a step between two scales may come from the seeds. Submit all "
            "sweeps with the same scales."
        )
    if mixed := mixed_numerics(run for sweep in pooled.sweeps for run in sweep.runs):
        yield mixed
    still_open = sum(not sweep.status.is_final for sweep in newest)
    if still_open:
        yield f"{pluralize(still_open, 'sweep')} {_have(still_open)} not ended yet, so the results may change."


def _other_settings(config: TrainingConfig, others: Sequence[Sweep]) -> str:
    """Name the settings of the sweeps that are not pooled."""

    def differences(other: TrainingConfig) -> str:
        names = [name for name in differing_settings(config, other) if name not in _IRRELEVANT]
        return " and ".join(
            f"{format_setting(other, name)} instead of {format_setting(config, name)}" for name in names
        )

    counts = Counter(differences(sweep.config) for sweep in others)
    listed = [f"{pluralize(count, 'sweep')} with {text}" for text, count in counts.most_common(MAX_LISTED)]
    more = sum(counts.values()) - sum(count for _, count in counts.most_common(MAX_LISTED))
    listed += [f"{more} more with other settings"] if more else []
    return f"Not in the mean, because of other settings: {', '.join(listed)}."


def _left_out(sweeps: Sequence[Sweep]) -> str:
    return f"Only the newest {pluralize(len(sweeps), 'sweep')} with this tag were read. Older ones may be missing."
