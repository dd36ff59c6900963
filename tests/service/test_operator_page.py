"""The operator's page: all that `afoot status` says stands there, but no name."""

import re
from pathlib import Path

from sqlalchemy import delete

from afoot.service.roles import Role
from afoot.status import PARTS
from ingest import tables
from tests.service.making import Clinic, add_person, open_clinic


def standing(clinic: Clinic) -> dict[tuple[str, str], tuple[str, str]]:
    """The page's first table: state and text, by part and what."""
    answer = clinic.get("operator/", "/operator")
    assert answer.status_code == 200
    body = answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<bdi>(.*?)</bdi>", row) for row in body.split("</tr>")]
    return {(row[0], row[1]): (row[2], row[3]) for row in rows if row}


def test_all_that_the_status_says_stands_on_the_page_without_a_name(tmp_path: Path) -> None:
    with open_clinic(tmp_path / "home", drop=tmp_path / "drop", backup_folder=tmp_path / "backups") as clinic:
        (tmp_path / "drop" / "Anna Muster").mkdir(parents=True)
        add_person(clinic, "kern", Role.THERAPIST)
        with clinic.app.store.writing() as connection:
            connection.execute(delete(tables.group_patients))
        found = standing(clinic)
        assert list(found) == [(one.part, one.what) for part in PARTS for one in part(clinic.app)]
        assert found["groups", "patients in no care group"] == (
            "NOT OK",
            "2, seen by no therapist: `afoot group assign` (more: afoot status)",
        )
        assert found["drop folder", "folders of no patient"] == ("NOT OK", "1, passed over (more: afoot status)")
        assert found["store", "patients"] == ("–", "2")
        assert found["publishing", "InfluxDB"] == ("–", "not set: nothing is published")
        assert found["backups", "last"] == ("NOT OK", "none")
        assert found["backups", "public key"][1].startswith("AFOOT_BACKUP_KEYS: not set")
        main = clinic.get("operator/", "/operator").text.partition("<h2")[2].partition('id="table-2"')[0]
        assert "Muster" not in main
        assert "anna" not in main


def test_a_setting_that_is_wrong_does_not_take_the_page_down(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    wrong = {"influx_url": "http://[::1", "drop": tmp_path / "file", "backup_folder": tmp_path / "file"}
    with open_clinic(tmp_path / "home", **wrong) as clinic:
        found = standing(clinic)
    assert found["publishing", "InfluxDB"] == ("NOT OK", "AFOOT_INFLUX_URL: the URL cannot be understood")
    assert found["drop folder", "AFOOT_DROP"] == ("NOT OK", f"{tmp_path / 'file'}: a file, not a folder")
    assert found["backups", "AFOOT_BACKUP_FOLDER"] == ("NOT OK", f"{tmp_path / 'file'}: Not a directory")


def test_times_say_their_zone(tmp_path: Path) -> None:
    with open_clinic(tmp_path / "home") as clinic:
        text = clinic.get("operator/", "/operator").text
        assert "As of today, 04:53 UTC." in text
