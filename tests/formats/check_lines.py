"""check_lines.py BUILD: a recording as JSON Lines against its schema, and what it tells."""
import json
import sys

from formats import TOP, Checks, Skipped, write

# Only what refers to nothing else is taken of the second: the resolver loses its way.
SCHEMAS = ("recording", "snapshot")


def close(schema):
    """The schema without keys that it does not tell of."""
    if isinstance(schema, list):
        return [close(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: close(value) for key, value in schema.items()}
    if "properties" in closed and "required" in closed:
        closed["additionalProperties"] = False
    return closed


def load_validator():
    """A function that gives the problems of one line."""
    try:
        import jsonschema
    except ImportError:
        raise Skipped("python3-jsonschema is not installed") from None
    schemas = [close(json.loads((TOP / "include/asyncspy" / (name + ".schema.json")).read_text()))
               for name in SCHEMAS]
    for schema in schemas:
        jsonschema.Draft202012Validator.check_schema(schema)
    resolver = jsonschema.RefResolver.from_schema(
        schemas[0], store={schema["$id"]: schema for schema in schemas})
    validator = jsonschema.Draft202012Validator(schemas[0], resolver=resolver)
    return lambda value: ["%s: %s" % (error.json_path, error.message[:200])
                          for error in validator.iter_errors(value)]


def check_schema(checks, lines):
    try:
        validate = load_validator()
    except Skipped as why:
        checks.skip("the schema", why)
        return
    checks.check("the schema", [problem for line in lines for problem in validate(line)])
    sample = lines[1]
    for key in list(sample["sample"]):
        spoilt = {"sample": {name: value for name, value in sample["sample"].items()
                             if name != key}}
        checks.check("without " + key, [] if validate(spoilt) else ["unnoticed"])
    spoilt = json.loads(json.dumps(sample))
    spoilt["sample"]["changes"][0]["task"]["state"] = "bored"
    checks.check("an unknown state", [] if validate(spoilt) else ["unnoticed"])
    checks.check("two in one line", [] if validate(dict(lines[0], **sample)) else ["unnoticed"])


def replay(samples):
    """The tasks that there are after each sample, and what does not fit together."""
    tasks, problems = {}, []
    for sample in samples:
        for change in sample["changes"]:
            number, known = change["number"], change["number"] in tasks
            if known == (change["change"] == "new"):
                problems.append("sample %d: task %d is %s" % (
                    sample["number"], number, change["change"]))
            if (change["task"] is None) != (change["change"] == "gone"):
                problems.append("sample %d: task %d has the wrong task" % (
                    sample["number"], number))
            if change["task"]:
                tasks[number] = change["task"]
            else:
                tasks.pop(number, None)
    return tasks, problems


def main():
    checks = Checks()
    lines = [json.loads(line) for line in
             write(sys.argv[1], "write_trace", "lines").split("\n") if line]
    kinds = [list(line)[0] for line in lines]
    checks.expect("the lines", kinds, ["recording"] + ["sample"] * 200 + ["end"])
    check_schema(checks, lines)
    samples = [line["sample"] for line in lines[1:-1]]
    tasks, problems = replay(samples)
    checks.check("what becomes of tasks", problems)
    checks.expect("the last tasks", sorted(tasks), [1, 2, 3, 49])
    checks.expect("a wait", tasks[2]["awaiting"]["text"], "sleep")
    checks.expect("its frames", [frame["line"] for frame in tasks[2]["frames"]], [639, 21, 40])
    checks.expect("garbage", samples[7]["gc"], [0, 2])
    checks.expect("loops", [loop["blocked_s"] for loop in samples[1]["loops"]], [0.25, None])
    checks.expect("the end", lines[-1]["end"]["reason"], "interrupted")
    checks.end()


main()
