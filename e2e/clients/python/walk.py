"""Walks a search with SparkPost's Python client: `walk.py ORIGIN WAY PARAMETERS`, the parameters being JSON.

The client has no class of its own for events; its maintainers point to the base Resource.
"""

import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

from sparkpost.base import RequestsTransport, Resource
from sparkpost.exceptions import SparkPostAPIException


class Events(Resource):
    key = "events/message"

    def search(self, **params):
        return self.request("GET", self.uri, params=params)


class WholeAnswers(RequestsTransport):
    """The client's own transport keeps `results` alone, but lets itself be replaced."""

    def request(self, method, uri, headers, **kwargs):
        response = self.sess.request(method, uri, headers=headers, **kwargs)
        if not response.ok:
            raise SparkPostAPIException(response)
        return response.json()


def by_cursor(base_uri, key, params):
    events = Events(base_uri, key, WholeAnswers)
    cursor = "initial"
    while cursor is not None:
        answer = events.search(cursor=cursor, **params)
        following = parse_qs(urlsplit(answer["links"].get("next", "")).query)
        cursor = following.get("cursor", [None])[0]
        yield answer["results"], answer["total_count"], cursor is None


def by_number(base_uri, key, params):
    events = Events(base_uri, key)
    number, results = 1, [None]
    while results:
        results = events.search(page=number, **params)
        number += 1
        yield results, None, not results


def main():
    origin, way, params = sys.argv[1:]
    walk = {"cursor": by_cursor, "page": by_number}[way]
    for results, total_count, is_last in walk(
        origin + "/api/v1", os.environ["SPARKPOST_API_KEY"], json.loads(params)
    ):
        event_ids = [event["event_id"] for event in results]
        page = {"event_ids": event_ids, "total_count": total_count, "is_last": is_last}
        print(json.dumps(page), flush=True)
        if is_last or not sys.stdin.readline():
            break


main()
