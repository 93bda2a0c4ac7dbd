"""The files of a playbook: `playbook.yaml`, what it includes, and the CSV tables beside them, merged into one tree."""

from collections.abc import Collection
from collections.abc import Mapping as Files
from dataclasses import dataclass, field
from pathlib import Path

from baton.kernel.suggestions import did_you_mean
from baton.leads.playbook.content import MOST_BYTES, MOST_FILES, normalise_name
from baton.leads.playbook.findings import Finding, PlaybookError, Severity
from baton.leads.playbook.model import Table
from baton.leads.playbook.tables import read_people, read_table
from baton.leads.playbook.territory_rows import read_territory_rows
from baton.leads.playbook.yaml_nodes import Mapping, Node, Scalar, Sequence, read_yaml

MAIN = "playbook.yaml"
# Half a minute of parsing; large tables belong into CSV files, which are read a hundred times faster.
MOST_YAML_BYTES = 1024 * 1024
MOST_CSV_BYTES = 8 * 1024 * 1024
_SUFFIXES = (".yaml", ".yml", ".csv")


@dataclass(slots=True)
class Merged:
    """One tree out of all files. `used` are the files that count, for the hash."""

    root: Mapping | None
    used: dict[str, bytes]
    people: str | None = None
    """The CSV file that holds the reps; it is no table, nor is that of the territories."""
    territories: str | None = None
    territories_unread: bool = False
    """Its rows can't be read: nobody knows which names there are."""
    tables: dict[str, Table] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read_directory(path: Path) -> dict[str, bytes]:
    """The YAML and CSV files of a directory, by name. Raises PlaybookError if there is none or too much."""
    if not (path / MAIN).is_file():
        hint = "a playbook is a directory with playbook.yaml"
        raise PlaybookError([_error(str(path), 1, f"no {MAIN} here", hint)])
    found = sorted(each for each in path.iterdir() if _belongs(each))
    if len(found) > MOST_FILES or sum(each.stat().st_size for each in found) > MOST_BYTES:
        message = f"more than {MOST_FILES} files or {MOST_BYTES // 1024**2} MiB"
        raise PlaybookError([_error(str(path), 1, message, "split large tables")])
    return {each.name: each.read_bytes() for each in found}


def _belongs(file: Path) -> bool:
    """What begins with a dot is somebody else's: a Mac puts a `._reps.csv` beside a file that it copied."""
    return file.is_file() and file.suffix in _SUFFIXES and not file.name.startswith(".")


def merge(given: Files[str, bytes]) -> Merged:
    """Read every file that belongs to the playbook. Mistakes are in the findings."""
    files = {normalise_name(name): content for name, content in given.items()}
    merged = Merged(root=None, used={})
    root = _yaml(MAIN, files, merged)
    for name in _includes(root, merged.findings):
        other = _included(name, files, merged)
        if root is not None and other is not None:
            root = _joined(root, other, (), merged.findings)
    merged.people = _people_file(root)
    merged.territories = _file_name(root.get("territories") if root else None)
    _read_tables(files, merged)
    merged.root = _with_territories(root, merged)
    return merged


def people_of(node: Scalar | Sequence, merged: Merged, *, columns: Collection[str]) -> Sequence | None:
    """The reps: a list in YAML, or the rows of the named CSV file; None if it has none that can be read."""
    if isinstance(node, Sequence):
        return node
    people, findings = read_people(merged.used[str(merged.people)], file=str(merged.people), columns=columns)
    merged.findings += findings
    return people


def _people_file(root: Mapping | None) -> str | None:
    teams = root.get("teams") if root else None
    return _file_name(teams.get("reps")) if isinstance(teams, Mapping) else None


def _file_name(node: Node | None) -> str | None:
    return normalise_name(node.text) if isinstance(node, Scalar) and node.value is not None else None


def _with_territories(root: Mapping | None, merged: Merged) -> Mapping | None:
    """The tree with the rows of the named CSV file in the place of its name."""
    written = root.get("territories") if root else None
    name = _file_name(written)
    if root is None or written is None or name is None:
        return root
    content, rows = merged.used.get(name), None
    if content is None or not name.endswith(".csv"):
        hint = did_you_mean(name, (each for each in merged.used if each.endswith(".csv")))
        found = _error(written.file, written.line, f'no file "{name}" beside {MAIN}', hint, path="territories")
        merged.findings.append(found)
    else:
        rows, findings = read_territory_rows(content, file=name)
        merged.findings += findings
    merged.territories_unread = rows is None
    entries = ((key, rows if key.text == "territories" else node) for key, node in root.entries)
    return Mapping(tuple((key, node) for key, node in entries if node is not None), root.file, root.line)


def _read_tables(files: Files[str, bytes], merged: Merged) -> None:
    for name, content in sorted(files.items()):
        if not name.endswith(".csv"):
            continue
        merged.used[name] = content
        if len(content) > MOST_CSV_BYTES:
            merged.findings.append(_error(name, 1, f"larger than {MOST_CSV_BYTES // 1024**2} MiB", "split it"))
        elif name not in {merged.people, merged.territories}:
            table, findings = read_table(name.removesuffix(".csv"), content, file=name)
            merged.findings += findings
            merged.tables[name.removesuffix(".csv")] = table or Table(name, ("",), ())


def _yaml(name: str, files: Files[str, bytes], merged: Merged) -> Mapping | None:
    content = files.get(name)
    if content is None:
        merged.findings.append(_error(name, 1, "not found", did_you_mean(name, files)))
        return None
    merged.used[name] = content
    if len(content) > MOST_YAML_BYTES:
        merged.findings.append(_error(name, 1, "larger than 1 MiB", "put long lists into a CSV table"))
        return None
    node, findings = read_yaml(content, file=name)
    merged.findings += findings
    if node is not None and not isinstance(node, Mapping):
        merged.findings.append(_error(name, node.line, "not a mapping", "write sections like routing: and teams:"))
        return None
    return node or (None if findings else Mapping((), name, 1))


def _includes(root: Mapping | None, findings: list[Finding]) -> list[Scalar]:
    listed = root.get("include") if root else None
    items = listed.items if isinstance(listed, Sequence) else () if listed is None else (listed,)
    wrong = (item for item in items if not isinstance(item, Scalar))
    message, hint = "include holds names of files", "write [sla.yaml, teams.yaml]"
    findings += [_error(item.file, item.line, message, hint, path="include") for item in wrong]
    return [item for item in items if isinstance(item, Scalar) and item.value is not None]


def _included(written: Scalar, files: Files[str, bytes], merged: Merged) -> Mapping | None:
    name = normalise_name(written.text)
    if name in merged.used:
        merged.findings.append(
            _error(written.file, written.line, f'"{name}" is included twice', "keep one", path="include")
        )
        return None
    if name not in files or not name.endswith((".yaml", ".yml")):
        hint = did_you_mean(name, (each for each in files if each.endswith((".yaml", ".yml"))))
        found = _error(written.file, written.line, f'no file "{name}" beside {MAIN}', hint, path="include")
        merged.findings.append(found)
        return None
    other = _yaml(name, files, merged)
    if other is not None and other.get("include") is not None:
        merged.findings.append(
            _error(name, other.line, f"only {MAIN} includes files", "name them there", path="include")
        )
    return other


def _joined(first: Mapping, second: Mapping, path: tuple[str, ...], findings: list[Finding]) -> Mapping:
    """Both mappings in one; what stands in both is joined if both are mappings, else a mistake."""
    entries = {key.text: (key, node) for key, node in first.entries}
    for key, node in second.entries:
        here = (*path, key.text)
        known = entries.get(key.text)
        if known is None:
            entries[key.text] = (key, node)
        elif isinstance(known[1], Mapping) and isinstance(node, Mapping):
            entries[key.text] = (known[0], _joined(known[1], node, here, findings))
        elif here != ("include",):
            where = f"{known[0].file}:{known[0].line}"
            findings.append(_error(key.file, key.line, f"written already in {where}", "keep one", path=".".join(here)))
    return Mapping(tuple(entries.values()), first.file, first.line)


def _error(file: str, line: int, message: str, hint: str = "", *, path: str = "") -> Finding:
    return Finding(Severity.ERROR, file, line, path, message, hint)
