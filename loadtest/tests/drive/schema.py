"""Tells what of a file does not keep to a schema: `python schema.py SCHEMA FILE`, where the file has pairs of a definition's name, or
null for the schema itself, and what is to be one. Nothing may be in it that the schema does not tell of."""

import json
import sys

from jsonschema_rs import validator_for


def closed(schema):
    """The same, of which an object has what it is told to have, and no more."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: closed(part) for name, part in schema.items()}
    if "properties" in schema and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = closed(json.load(file))
    with open(sys.argv[2], encoding="utf-8") as file:
        pairs = json.load(file)
    for name, value in pairs:
        part = schema if name is None else {"$defs": schema["$defs"], "$ref": f"#/$defs/{name}"}
        for error in validator_for(part).iter_errors(value):
            place = "/".join(str(step) for step in error.instance_path)
            print(f"{name or 'the whole'}: {place}: {error.message}")


main()
