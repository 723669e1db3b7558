"""Deploys the staged template once more under another name, and prints its outputs as JSON; or deletes that stack.

neighbour.py up NAME TEMPLATE PARAMETER=VALUE… | neighbour.py down NAME
Run by the Python of .local/tools/sam, in the environment of `cistern exec`.
"""

import json
import sys

import deploying

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up", name, template, *settings]:
            stack = deploying.Stack(name, template)
            stack.deploy("CREATE", dict(setting.split("=", 1) for setting in settings))
            print(json.dumps(stack.outputs()))
        case ["down", name]:
            deploying.delete(name)
        case _:
            sys.exit(__doc__)
