"""What patients say: codes and ranges, hostile text, corrections, in both databases."""

import string
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import dirty, people
from ingest.entries import checked_text
from ingest.errors import Conflict, NotKnown
from ingest.observations import (
    CODES,
    Entry,
    Group,
    Kind,
    Said,
    Source,
    add_observations,
    checked,
    codes_of,
    correct_observation,
    find_observation,
    list_observations,
    read_pain,
    withdraw_observation,
)
from ingest.store import Store

T0 = int(datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000
BRIDGE = Entry("exercise", 3, {"kind": "bridge", "repetitions": 10, "difficulty": 4, "pain": 2})


def said(at_ms: int = T0, by: str = "patient", source: Source = Source.PATIENT) -> Said:
    return Said(at_ms, source, by, T0 + 9 * HOUR)


def add(store: Store, *entries: Entry, patient: int = 1, at_ms: int = T0) -> list[int]:
    with store.writing() as connection:
        return [one.number for one in add_observations(connection, patient, entries, said(at_ms))]


@pytest.fixture
def anna(store: Store) -> int:
    with store.writing() as connection:
        return people.add_patient(connection, "Anna", "Europe/Berlin", 0).id


def test_the_codes_ask_all_that_is_asked() -> None:
    assert codes_of(Group.RED_FLAG) == (
        "new_weakness", "saddle_numbness", "bladder_or_bowel_change", "fever", "wound_discharge", "calf_swelling", "chest_pain",
    )  # fmt: skip
    assert {"bending", "lifting", "twisting"} < set(codes_of(Group.PRECAUTION))
    assert all(code.question and code.name.isidentifier() for code in CODES.values())


def test_what_was_said_comes_back_whole_and_in_time_order(store: Store, anna: int) -> None:
    later = add(store, Entry("pain", 0), BRIDGE, Entry("note", None, {"text": "a\nb"}), at_ms=T0 + HOUR)
    earlier = add(store, Entry("nicotine", 1, {"amount": 5}), Entry("fever", 0), Entry("bending", 1))
    assert (later, earlier) == ([1, 2, 3], [4, 5, 6])
    with store.reading() as connection:
        found = list_observations(connection, anna)
        pain = list_observations(connection, anna, codes=["pain", "mood"])
        some = list_observations(connection, anna, T0, T0 + HOUR)
    assert [one.number for one in found] == [4, 5, 6, 1, 2, 3]
    assert [one.entry for one in found[4:]] == [BRIDGE, Entry("note", None, {"text": "a\nb"})]
    assert found[0].said == said()
    assert [one.number for one in pain] == [1]
    assert [one.number for one in some] == [4, 5, 6]  # the end is not in it


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (Entry("pain", 11), "pain: expected a whole number from 0 to 10, found 11"),
        (Entry("pain", -1), "from 0 to 10"),
        (Entry("pain"), "pain: expected an answer"),
        (Entry("mood", 11), "from 0 to 10"),
        (Entry("phq2", 7), "from 0 to 6"),
        (Entry("nicotine", 2), "nicotine: expected yes or no"),
        (Entry("nicotine", 1, {"amount": 0}), "nicotine: amount: expected a whole number from 1 to 200"),
        (Entry("fever", 9), "expected yes or no"),
        (Entry("exercise", 3), "exercise: kind: expected an answer"),
        (Entry("exercise", 0, {"kind": "bridge"}), "exercise: expected a whole number from 1 to 50"),
        (Entry("exercise", 1, {"kind": "x" * 61}), "1 to 60 signs"),
        (Entry("exercise", 1, {"kind": "two\nlines"}), "printable"),
        (Entry("exercise", 1, {"kind": "bridge", "weight": 3}), "'weight' is not asked"),
        (Entry("note", 3, {"text": "a"}), "expected no number"),
        (Entry("note"), "note: text: expected an answer"),
        (Entry("note", None, {"text": "  "}), "1 to 4000 signs"),
        (Entry("note", None, {"text": "a\0b"}), "printable"),
        (Entry("note", None, {"text": "\ud800"}), "printable"),
        (Entry("note", None, {"text": "\x1b[2J"}), "printable"),
        (Entry("weight", 70), "'weight': expected one of pain, mood"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_of_it_is_kept(store: Store, anna: int, entry: Entry, expected: str) -> None:
    with pytest.raises(ValueError, match=expected.replace("(", r"\(")):
        add(store, Entry("pain", 3), entry)
    with store.reading() as connection:
        assert list_observations(connection, anna, history=True) == []


ANSWERS = st.one_of(st.none(), st.integers(-3, 250), st.booleans(), st.text(max_size=70), st.integers(-(10**30), 10**30))
FIELDS = [*sorted({name for code in CODES.values() for name in code.detail}), "other"]


@given(
    st.sampled_from([*CODES, "other", ""]),
    st.one_of(st.none(), st.integers(-5, 300), st.integers(-(10**30), 10**30)),
    st.dictionaries(st.sampled_from(FIELDS), ANSWERS, max_size=4),
)
def test_any_entry_is_within_its_ranges_or_refused(name: str, value: int | None, detail: dict[str, int | str | None]) -> None:
    try:
        kept = checked(Entry(name, value, detail))
    except ValueError:
        return
    code = CODES[name]
    assert (kept.value is None) == (code.value is None)
    if code.value is not None:
        assert kept.value is not None
        assert code.value.low <= kept.value <= code.value.high
    assert set(kept.detail) <= set(code.detail)
    for key, answer in kept.detail.items():
        wanted = code.detail[key]
        if wanted.kind in (Kind.WORD, Kind.TEXT):
            assert isinstance(answer, str)
            assert answer == answer.strip()
            assert wanted.low <= len(answer) <= wanted.high
        else:
            assert isinstance(answer, int)
            assert wanted.low <= answer <= wanted.high
    assert all(key in kept.detail for key, wanted in code.detail.items() if wanted.needed)
    assert checked(kept) == kept


@given(st.text(max_size=50))
def test_a_text_that_is_kept_can_be_shown(text: str) -> None:
    try:
        kept = checked_text("note", text, lines=True)
    except ValueError:
        return
    assert kept.replace("\n", "").replace("\t", "").isprintable()
    assert kept.encode()


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE observations; --", "[red]x[/red]", "%s {0} $1 :a", "محمد", "🚶" * 60, "<script>", string.printable[:94]],
)
def test_hostile_text_comes_back_as_it_was(store: Store, anna: int, text: str) -> None:
    add(store, Entry("note", None, {"text": text}), Entry("exercise", 1, {"kind": text[:60]}))
    with store.reading() as connection:
        note, exercise = list_observations(connection, anna)
    assert note.entry.detail == {"text": text.strip()}
    assert exercise.entry.detail == {"kind": text[:60].strip()}


def test_a_correction_replaces_and_the_old_one_stays(store: Store, anna: int) -> None:
    (first,) = add(store, Entry("pain", 8))
    with store.writing() as connection:
        second = correct_observation(connection, anna, first, Entry("pain", 3), said(T0 + HOUR, "Dr. Kern", Source.CLINIC))
    with store.reading() as connection:
        assert read_pain(connection, anna, T0, T0 + 2 * HOUR) == [(T0 + HOUR, 3)]
        assert list_observations(connection, anna) == [second]
        old, new = list_observations(connection, anna, history=True)
        assert find_observation(connection, anna, second.number) == second
    assert (old.entry.value, old.said.entered_by, old.replaces) == (8, "patient", None)
    assert (new.entry.value, new.said.entered_by, new.replaces) == (3, "Dr. Kern", 1)
    # What was corrected once is corrected through the newer one, so that what was said is a line and no tree.
    with pytest.raises(Conflict, match="entry 2 replaced it"), store.writing() as connection:
        correct_observation(connection, anna, first, Entry("pain", 4), said())
    with pytest.raises(Conflict, match="is of pain"), store.writing() as connection:
        correct_observation(connection, anna, second.number, Entry("mood", 4), said())
    with pytest.raises(ValueError, match="0 to 10"), store.writing() as connection:
        correct_observation(connection, anna, second.number, Entry("pain", 40), said())
    with pytest.raises(NotKnown, match="entry 9"), store.writing() as connection:
        correct_observation(connection, anna, 9, Entry("pain", 4), said())


def test_what_was_taken_back_is_gone_and_can_be_read_in_the_history(store: Store, anna: int) -> None:
    first, second = add(store, Entry("pain", 8), Entry("note", None, {"text": "of somebody else"}))
    with store.writing() as connection:
        for number in (first, second):
            withdraw_observation(connection, anna, number, said(T0 + HOUR, "Dr. Kern"))
    with store.reading() as connection:
        assert list_observations(connection, anna) == []
        assert read_pain(connection, anna, T0, T0 + 2 * HOUR) == []
        history = list_observations(connection, anna, history=True)
    assert [(one.number, one.replaces, one.withdrawn, one.said.at_ms) for one in history] == [
        (1, None, False, T0), (2, None, False, T0), (3, 1, True, T0), (4, 2, True, T0),
    ]  # fmt: skip
    with pytest.raises(Conflict, match="took another back"), store.writing() as connection:
        withdraw_observation(connection, anna, 3, said())


def test_patients_are_numbered_and_corrected_apart(store: Store, anna: int) -> None:
    with store.writing() as connection:
        ben = people.add_patient(connection, "Ben", "UTC", 0).id
    assert add(store, Entry("pain", 8)) == add(store, Entry("pain", 2), patient=ben) == [1]
    with store.writing() as connection:
        correct_observation(connection, ben, 1, Entry("pain", 1), said())
    with store.reading() as connection:
        assert read_pain(connection, anna, T0, T0 + 1) == [(T0, 8)]
        assert read_pain(connection, ben, T0, T0 + 1) == [(T0, 1)]


def test_pain_is_that_of_the_question_not_of_an_exercise(store: Store, anna: int) -> None:
    add(store, BRIDGE, Entry("pain", 0), Entry("mood", 4))
    with store.reading() as connection:
        assert read_pain(connection, anna, T0, T0 + 1) == [(T0, 0)]
        assert read_pain(connection, anna, T0 + 1, T0 + HOUR) == []
        assert read_pain(connection, anna, T0 - HOUR, T0) == []


def test_a_yes_to_a_red_flag_is_one_and_nothing_else_is() -> None:
    flags = codes_of(Group.RED_FLAG)
    assert all(Entry(name, 1).is_red_flag for name in flags)
    assert not any(Entry(name, 0).is_red_flag for name in flags)
    assert not any(Entry(name, 1).is_red_flag for name in [*CODES, "other"] if name not in flags)


def test_days_of_pain_are_judged_again_and_no_others(store: Store, anna: int) -> None:
    day = T0 // 86_400_000
    add(store, Entry("mood", 3), BRIDGE, Entry("fever", 1))
    with store.writing() as connection:
        assert dirty.read_marks(connection, anna) == {}
        add_observations(connection, anna, [Entry("pain", 3)], said())
        assert dirty.read_marks(connection, anna) == {day: 1}
        correct_observation(connection, anna, 4, Entry("pain", 5), said(T0 - 24 * HOUR))
        assert dirty.read_marks(connection, anna) == {day - 1: 1, day: 2}
        withdraw_observation(connection, anna, 5, said())
        assert dirty.read_marks(connection, anna) == {day - 1: 2, day: 2}


def test_several_at_once_get_numbers_of_their_own(store: Store, anna: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda value: add(store, Entry("pain", value), Entry("mood", value)), [1, 2, 3, 4] * 3))
    assert sorted(number for pair in numbers for number in pair) == list(range(1, 25))
    assert all(second == first + 1 for first, second in numbers)
    with store.reading() as connection:
        assert len(list_observations(connection, anna)) == 24
