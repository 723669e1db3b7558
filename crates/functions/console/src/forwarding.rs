//! What the forwarder wrote down about app events: its metrics with their reasons, the ends of its runs, and what the destination
//! answered when it took nothing.

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use aws_io::{
    Aws, LogsClient,
    logs::{self, LogLine, LogSearch, LogsError},
};
use serde_json::{Map, Value};

use crate::range::Range;

/// Lines of the forwarder's log that are read, by CloudWatch's pattern.
const PATTERN: &str = r#"{ ($.pipeline = "app_events") || ($.message = "run ended") || ($.message = "destination unavailable, request will be repeated") }"#;
const RUN_ENDED: &str = "run ended";
const UNAVAILABLE: &str = "destination unavailable, request will be repeated";
/// A page of lines takes a second where there are many, and the gateway's limit is 30 s.
const WAIT_LIMIT: Duration = Duration::from_secs(10);
const MOST_LINES: usize = 20_000;

/// The forwarder's log. Its client is made when it is first read.
#[derive(Debug)]
pub(crate) struct ForwarderLog {
    aws: Aws,
    group: String,
    client: OnceLock<LogsClient>,
}

impl ForwarderLog {
    pub(crate) fn new(aws: Aws, group: String) -> Self {
        Self {
            aws,
            group,
            client: OnceLock::new(),
        }
    }

    /// What is written down about a range.
    pub(crate) async fn read(&self, range: &Range) -> Result<Forwarding, LogsError> {
        let client = self.client.get_or_init(|| self.aws.logs());
        let search = LogSearch {
            group: &self.group,
            pattern: PATTERN,
            range_ms: (
                range.from.as_millisecond(),
                range.to.as_millisecond().saturating_sub(1),
            ),
            max_lines: MOST_LINES,
            limit: WAIT_LIMIT,
        };
        let found = logs::find(client, &search).await?;
        Ok(Forwarding::of(&found.lines, found.is_complete))
    }
}

/// The accounts of some runs: `received = sent + skipped + rejected`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Forwarding {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Of the sent ones, those that were over a day old.
    pub(crate) late: u64,
    pub(crate) skipped: u64,
    pub(crate) rejected: u64,
    pub(crate) skipped_by_reason: BTreeMap<String, u64>,
    pub(crate) rejected_by_reason: BTreeMap<String, u64>,
    /// What was changed or left out so that events could be sent.
    pub(crate) notes: BTreeMap<String, u64>,
    /// Requests that are repeated, by what the destination answered.
    pub(crate) unavailable: BTreeMap<String, u64>,
    /// What was counted when, in milliseconds since 1970: sent, skipped, rejected.
    pub(crate) by_time: Vec<(i64, [u64; 3])>,
    /// The ends of runs, oldest first.
    pub(crate) runs: Vec<RunEnd>,
    /// The time of the last line, where there are more that were not read.
    pub(crate) read_to_ms: Option<i64>,
}

/// How a run of the forwarder ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunEnd {
    pub(crate) at_ms: i64,
    pub(crate) why: Why,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) requests: u64,
    /// Messages that will be received again.
    pub(crate) released: u64,
}

/// Why it ended, with what the destination answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    QueueEmpty,
    OutOfTime,
    DestinationUnavailable(String),
    DestinationRefused(String),
    /// What a later version of the forwarder writes.
    Other(String),
}

impl Why {
    /// From the forwarder's own name of it, such as `DestinationRefused("status 401")`.
    fn of(text: &str) -> Self {
        let (name, detail) = text.split_once('(').unwrap_or((text, ""));
        let detail = detail.trim_end_matches(')').trim_matches('"').to_owned();
        match name {
            "QueueEmpty" => Self::QueueEmpty,
            "OutOfTime" => Self::OutOfTime,
            "DestinationUnavailable" => Self::DestinationUnavailable(detail),
            "DestinationRefused" => Self::DestinationRefused(detail),
            _ => Self::Other(text.to_owned()),
        }
    }

    /// In words, and whether somebody has to act.
    pub(crate) fn words(&self) -> (&'static str, Option<&str>, bool) {
        match self {
            Self::QueueEmpty => ("everything was sent", None, false),
            Self::OutOfTime => ("its time was up; the next run continues", None, false),
            Self::DestinationUnavailable(detail) => {
                ("the destination was not available", Some(detail), true)
            }
            Self::DestinationRefused(detail) => (
                "the destination refuses the key or the address",
                Some(detail),
                true,
            ),
            Self::Other(text) => ("", Some(text), true),
        }
    }
}

impl Forwarding {
    /// Reads lines; those that are none of the forwarder's own say nothing.
    fn of(lines: &[LogLine], is_complete: bool) -> Self {
        let mut all = Self::default();
        for line in lines {
            let Ok(members) = serde_json::from_str::<Map<String, Value>>(&line.message) else {
                continue;
            };
            match members.get("message").and_then(Value::as_str) {
                Some(RUN_ENDED) => all.runs.push(RunEnd::of(line.at_ms, &members)),
                Some(UNAVAILABLE) => {
                    let detail = members.get("detail").and_then(Value::as_str);
                    let detail = detail.unwrap_or("no answer").to_owned();
                    *all.unavailable.entry(detail).or_default() += 1;
                }
                _ if members.get("pipeline").and_then(Value::as_str) == Some("app_events") => {
                    all.add(line.at_ms, &members);
                }
                _ => {}
            }
        }
        if !is_complete {
            all.read_to_ms = lines.last().map(|line| line.at_ms);
        }
        all
    }

    fn add(&mut self, at_ms: i64, members: &Map<String, Value>) {
        let of = |name| number(members, name);
        for (sum, name) in [
            (&mut self.received, "received"),
            (&mut self.sent, "sent"),
            (&mut self.late, "late"),
            (&mut self.skipped, "skipped"),
            (&mut self.rejected, "rejected"),
        ] {
            *sum = sum.saturating_add(of(name));
        }
        for (sums, name) in [
            (&mut self.skipped_by_reason, "skipped_by_reason"),
            (&mut self.rejected_by_reason, "rejected_by_reason"),
            (&mut self.notes, "notes"),
        ] {
            let counts = members.get(name).and_then(Value::as_object);
            for (code, count) in counts.into_iter().flatten() {
                let sum = sums.entry(code.clone()).or_default();
                *sum = sum.saturating_add(count.as_u64().unwrap_or(0));
            }
        }
        let counts = [of("sent"), of("skipped"), of("rejected")];
        if counts != [0; 3] {
            self.by_time.push((at_ms, counts));
        }
    }

    /// What was received and is neither sent, skipped nor rejected; negative when more came out than went in.
    pub(crate) fn difference(&self) -> i64 {
        let out = self
            .sent
            .saturating_add(self.skipped)
            .saturating_add(self.rejected);
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        signed(self.received).saturating_sub(signed(out))
    }
}

impl RunEnd {
    fn of(at_ms: i64, members: &Map<String, Value>) -> Self {
        let end = members.get("end").and_then(Value::as_str);
        Self {
            at_ms,
            why: Why::of(end.unwrap_or_default()),
            received: number(members, "received"),
            sent: number(members, "sent"),
            requests: number(members, "requests"),
            released: number(members, "messages.released"),
        }
    }
}

fn number(members: &Map<String, Value>, name: &str) -> u64 {
    members.get(name).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(at_ms: i64, message: &Value) -> LogLine {
        LogLine {
            at_ms,
            message: message.to_string(),
        }
    }

    #[test]
    fn lines_of_the_forwarder_add_up() {
        let counted = json!({
            "_aws": {}, "pipeline": "app_events", "received": 9, "sent": 5, "skipped": 3, "rejected": 1, "late": 2,
            "skipped_by_reason": { "type_off": 2, "duplicate": 1 }, "rejected_by_reason": { "too_old_for_destination": 1 }, "notes": {},
        });
        let end = json!({
            "level": "INFO", "message": "run ended", "end": "DestinationUnavailable(\"status 503\")", "received": 18, "sent": 10,
            "messages.released": 4, "requests": 3,
        });
        let lines = [
            line(1, &counted),
            line(
                2,
                &json!({ "pipeline": "app_events", "messages_archived": 3 }),
            ),
            line(
                3,
                &json!({ "message": UNAVAILABLE, "detail": "status 503" }),
            ),
            line(
                4,
                &json!({ "message": UNAVAILABLE, "detail": "status 503" }),
            ),
            line(5, &counted),
            line(6, &json!({ "pipeline": "product_events", "received": 7 })),
            line(7, &end),
            LogLine {
                at_ms: 8,
                message: "START RequestId: x".to_owned(),
            },
        ];

        let all = Forwarding::of(&lines, true);

        assert_eq!(
            (all.received, all.sent, all.skipped, all.rejected, all.late),
            (18, 10, 6, 2, 4)
        );
        assert_eq!(all.difference(), 0);
        assert_eq!(all.skipped_by_reason["type_off"], 4);
        assert_eq!(all.rejected_by_reason["too_old_for_destination"], 2);
        assert_eq!(all.unavailable["status 503"], 2);
        assert_eq!(all.by_time, [(1, [5, 3, 1]), (5, [5, 3, 1])]);
        let run = &all.runs[0];
        assert_eq!(
            run.why,
            Why::DestinationUnavailable("status 503".to_owned())
        );
        assert_eq!(
            (run.received, run.sent, run.requests, run.released),
            (18, 10, 3, 4)
        );
        assert_eq!(all.read_to_ms, None);
        assert_eq!(Forwarding::of(&lines, false).read_to_ms, Some(8));
    }

    #[test]
    fn ends_of_runs_have_words() {
        for (text, words) in [
            ("QueueEmpty", "everything was sent"),
            ("OutOfTime", "its time was up; the next run continues"),
            (
                "DestinationRefused(\"status 401\")",
                "the destination refuses the key or the address",
            ),
        ] {
            assert_eq!(Why::of(text).words().0, words);
        }
        assert_eq!(
            Why::of("Later(\"x\")"),
            Why::Other("Later(\"x\")".to_owned())
        );
        assert_eq!(
            Why::of("DestinationRefused(\"status 401\")").words().1,
            Some("status 401")
        );
    }
}
