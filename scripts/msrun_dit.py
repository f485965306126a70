"""Starts dit under MindSpore's msrun, which can start only Python files.

usage: msrun --worker_num=4 --local_worker_num=4 ... scripts/msrun_dit.py train ...

DIT names the program (default: dit, as PATH finds it).
"""

import os
import sys

program = os.environ.get("DIT", "dit")
os.execvp(program, [program, *sys.argv[1:]])
