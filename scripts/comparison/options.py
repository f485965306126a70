"""Compares the commands and options of two programs, by what they print for completion tools."""

import json
import subprocess

from comparison.files import Findings


# Options whose default became the run's to decide, as their help says.
DECIDED_BY_THE_RUN = {("dit train", "--ema-warmup"), ("dit train", "--ckpt-save-interval")}


def described(program):
    """All commands of a program by name: their arguments by name."""
    result = subprocess.run(
        [str(program), "--experimental-dump-help"], capture_output=True, text=True, check=True)
    commands = {}

    def visit(command, parents):
        name = " ".join([*parents, command["commandName"]])
        commands[name] = {title(one): one for one in command.get("arguments", [])}
        for inner in command.get("subcommands", []):
            visit(inner, [*parents, command["commandName"]])

    visit(json.loads(result.stdout)["command"], [])
    return commands


def spelled(argument):
    return {
        ("--" if name["kind"] == "long" else "-") + name["name"]
        for name in argument.get("names", [])
    }


def title(argument):
    """The long name of an option, or the name of an operand."""
    long = sorted((name for name in spelled(argument)), key=len)
    return long[-1] if long else f"<{argument['valueName']}>"


def default(program, command, option):
    """The default of an option in a program's help; None if it has no such option, or names none."""
    return described(program).get(command, {}).get(option, {}).get("defaultValue")


def compare_argument(command, name, base, new, findings):
    for spelling in sorted(spelled(base) - spelled(new)):
        findings.differ(f"{name}: {spelling} is lost")
    for spelling in sorted(spelled(new) - spelled(base)):
        findings.add(f"{name}: {spelling}")
    old, default = base.get("defaultValue"), new.get("defaultValue")
    # A default may be told by the text alone.
    told = f"default: {default}" in base.get("abstract", "")
    if (command, name) in DECIDED_BY_THE_RUN and default is None and old is not None:
        findings.add(f"{name}: decided by the run, not {old}")
    elif old != default and not (old is None and told):
        findings.differ(f"{name}: default {default}, not {old}")
    for key in ("kind", "isRepeating"):
        if base[key] != new[key]:
            findings.differ(f"{name}: {key} {new[key]}, not {base[key]}")
    if base["isOptional"] and not new["isOptional"]:
        findings.differ(f"{name} must be given")
    for value in set(base.get("allValues", [])) - set(new.get("allValues", [])):
        findings.differ(f"{name}: value {value} is lost")
    for value in set(new.get("allValues", [])) - set(base.get("allValues", [])):
        findings.add(f"{name}: value {value}")
    if base["shouldDisplay"] and not new["shouldDisplay"]:
        findings.differ(f"{name} is hidden")


def compare_options(base_program, new_program):
    """One (command, findings) for each command of either program."""
    base, new = described(base_program), described(new_program)
    for command in sorted(base.keys() | new.keys()):
        findings = Findings()
        if command not in new:
            findings.differ("the command is lost")
        elif command not in base:
            findings.add("the command")
        else:
            for name in sorted(base[command].keys() | new[command].keys()):
                if name not in new[command]:
                    findings.differ(f"{name} is lost")
                elif name not in base[command]:
                    findings.add(name)
                else:
                    compare_argument(
                        command, name, base[command][name], new[command][name], findings)
        yield command, findings
