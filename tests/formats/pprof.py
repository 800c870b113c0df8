"""Reads profile.proto (github.com/google/pprof) without any library."""
import gzip

# Of each message: number of a field -> (name, message or None, whether it repeats).
VALUE_TYPE = {1: ("type", None, False), 2: ("unit", None, False)}
LINE = {1: ("function_id", None, False), 2: ("line", None, False)}
PROFILE = {
    1: ("sample_type", VALUE_TYPE, True),
    2: ("sample", {1: ("location_id", None, True), 2: ("value", None, True)}, True),
    3: ("mapping", {1: ("id", None, False), 5: ("filename", None, False),
                    7: ("has_functions", None, False), 8: ("has_filenames", None, False),
                    9: ("has_line_numbers", None, False)}, True),
    4: ("location", {1: ("id", None, False), 2: ("mapping_id", None, False),
                     4: ("line", LINE, True)}, True),
    5: ("function", {1: ("id", None, False), 2: ("name", None, False),
                     4: ("filename", None, False)}, True),
    6: ("string_table", bytes, True),
    9: ("time_nanos", None, False),
    10: ("duration_nanos", None, False),
    11: ("period_type", VALUE_TYPE, False),
    12: ("period", None, False),
    13: ("comment", None, True),
}


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def read_packed(data):
    values, at = [], 0
    while at < len(data):
        value, at = read_varint(data, at)
        values.append(value)
    return values


def read_message(data, fields):
    message = {name: [] if repeats else 0 for name, _, repeats in fields.values()}
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        name, inner, repeats = fields[tag >> 3]
        value, at = read_varint(data, at)
        if tag & 7 == 2:
            part = data[at:at + value]
            if len(part) != value:
                raise ValueError("%s is cut off" % name)
            at += value
            value = (part.decode("utf-8") if inner is bytes else read_message(part, inner)
                     if inner else read_packed(part))
            if not inner:
                message[name] += value
                continue
        elif tag & 7 != 0:
            raise ValueError("%s: wire type %d" % (name, tag & 7))
        if repeats:
            message[name].append(value)
        else:
            message[name] = value
    return message


def read(data):
    """The profile with its names in place: "stacks": {(names, outermost first): values}."""
    profile = read_message(gzip.decompress(data), PROFILE)
    strings = profile["string_table"]
    if strings[0] != "":
        raise ValueError("the first string is not empty")
    if len(strings) != len(set(strings)):
        raise ValueError("a string twice")
    functions = {f["id"]: f for f in profile["function"]}
    locations = {l["id"]: l for l in profile["location"]}
    if 0 in functions or 0 in locations or len(functions) != len(profile["function"]) or \
            len(locations) != len(profile["location"]):
        raise ValueError("ids are not unique")
    names = {}
    for number, location in locations.items():
        [line] = location["line"]
        function = functions[line["function_id"]]
        names[number] = (strings[function["name"]], strings[function["filename"]], line["line"])
    profile["types"] = [(strings[t["type"]], strings[t["unit"]]) for t in profile["sample_type"]]
    profile["stacks"] = {}
    for sample in profile["sample"]:
        stack = tuple(names[number] for number in reversed(sample["location_id"]))
        if stack in profile["stacks"]:
            raise ValueError("a stack twice: %s" % (stack,))
        profile["stacks"][stack] = tuple(sample["value"])
    return profile
