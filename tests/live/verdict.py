"""Compares what asyncspy found out with what a scenario claims: findings, verdict, first lines.

Also whether a snapshot agrees with itself.
"""

import re

import compare

FIRM = ("likely", "certain")
FIRST_LINES = 9  # a header of two lines, a verdict of seven
TEXTS = ("summary", "where", "proof", "cost", "next")


def texts(finding):
    """All that a finding says, in one string."""
    parts = []
    for key in TEXTS:
        value = finding.get(key) or []
        parts += value if isinstance(value, list) else [value]
    return "\n".join(parts)


def finding_problems(claim, finding):
    problems = compare.difference(claim["keys"], finding, "finding %s" % claim["keys"]["code"])
    lost = [word for word in claim["contains"] if word not in texts(finding)]
    if lost:
        problems.append("finding %s: %s lacks %s" % (
            claim["keys"]["code"], compare.short(texts(finding)), compare.short(lost)))
    return problems


def as_finding(claim):
    """What fulfils a claim."""
    return dict({"confidence": "certain", "summary": " ".join(claim["contains"]), "tasks": [],
                 "threads": [], "objects": [], "where": None, "proof": [], "cost": [],
                 "next": None}, **claim["keys"])


def problems(expectation, snapshot):
    """Of the findings; nothing is expected of them where nothing was claimed."""
    claims, expected = expectation.get("findings", []), expectation.get("verdict", {})
    if not expected:
        return []
    found, result = list(snapshot["findings"]), []
    for claim in claims:
        code = claim["keys"]["code"]
        attempts = [(finding_problems(claim, finding), number)
                    for number, finding in enumerate(found) if finding["code"] == code]
        if not attempts:
            result.append("finding %s is missing" % code)
            continue
        least, number = min(attempts, key=lambda attempt: len(attempt[0]))
        result += least
        del found[number]
    for finding in found:
        if (finding["confidence"] in FIRM
                and finding["code"] not in expectation.get("allowed_findings", ())):
            result.append("finding %s (%s) was not expected: %s" % (
                finding["code"], finding["confidence"], compare.short(texts(finding))))
    return result + compare.difference(expected, snapshot["verdict"], "verdict")


def folded(text):
    return re.sub("[ _]+", " ", text.lower())


def text_problems(text, expectation):
    """Whether the first lines of the form for people have the words that were claimed."""
    lines = text.decode("utf-8", "replace").split("\n")
    first, most = "\n".join(lines[:FIRST_LINES]), expectation.get("text", {}).get("lines")
    too_many = ["text: %d lines" % len(lines)] if most is not None and len(lines) > most else []
    return too_many + ["text: the first lines lack %r: %s" % (word, compare.short(first))
            for word in expectation.get("first_lines", ()) if folded(word) not in folded(first)]


def consistency(snapshot):
    """Ids that lead to nothing, places that are outside."""
    known = {name: {item["id"] for item in snapshot[name]} for name in ("tasks", "objects")}
    loops = {item["id"] for item in snapshot["event_loops"]}
    result = []

    def check(name, ids, path):
        lost = [identity for identity in ids if identity and identity not in known[name]]
        if lost:
            result.append("%s: %s is in no row of %s" % (path, compare.short(lost), name))

    for item in snapshot["tasks"] + snapshot["threads"]:
        path = "%s %s" % ("task" if "coroutine" in item else "thread",
                          compare.short(item.get("name")))
        wait = item.get("awaiting") or {}
        check("tasks", list(wait.get("tasks", ())) + list(item.get("awaited_by", ())), path)
        if wait.get("object") not in loops:  # of a thread that waits for what a loop has to begin
            check("objects", [wait.get("object")], path)
        for hold in item.get("holds", ()):
            check("objects", [hold["object"]], path)
            if hold["frame"] is not None and hold["frame"] >= len(item["frames"]):
                result.append("%s holds something in frame %d" % (path, hold["frame"]))
    for item in snapshot["objects"]:
        check("tasks", list(item["waiters"]) + [holder["task"] for holder in item["holders"]],
              "object %s" % item["label"])
    for item in snapshot["findings"]:
        check("tasks", item["tasks"], "finding %s" % item["code"])
        check("objects", item["objects"], "finding %s" % item["code"])
    return result
