//! `CloudWatch` Logs: the emulator's, and AWS's through the AWS CLI.

use std::{collections::VecDeque, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use aws_io::LOCAL_KEY;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{http, stack::Stack};

const LIMIT: Duration = Duration::from_mins(1);
/// The largest page that the service returns.
const LINES_PER_PAGE: u32 = 10_000;
/// Bounds the list of a stack's logs.
const MAX_PAGES: usize = 20;
/// What is kept of the lines of one log. The service returns the oldest first, and the newest matter most.
const MAX_BYTES: usize = 64 << 20;

/// Where log lines are.
#[derive(Debug)]
pub(super) enum Source {
    Emulator {
        client: reqwest::Client,
        endpoint_url: String,
        region: String,
    },
    /// With the credentials and the region of the environment.
    Aws { program: PathBuf },
}

/// The log of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The short name, such as `loader`.
    pub(super) function: String,
    name: String,
}

/// One line as it was logged.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) at_ms: i64,
    pub(super) function: String,
    pub(super) message: String,
    /// The whole entry as text, which identifies it.
    pub(super) identity: String,
}

/// The newest lines of a search.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) lines: VecDeque<Logged>,
    /// Whether there were more than are kept.
    pub(super) lacks_oldest: bool,
    bytes: usize,
}

impl Found {
    /// Adds a line, and drops the oldest if they are too many bytes.
    fn add(&mut self, line: Logged, max_bytes: usize) {
        self.bytes += line.bytes();
        self.lines.push_back(line);
        while self.bytes > max_bytes
            && let Some(oldest) = self.lines.pop_front()
        {
            self.bytes -= oldest.bytes();
            self.lacks_oldest = true;
        }
    }
}

impl Logged {
    fn bytes(&self) -> usize {
        self.message.len() + self.identity.len()
    }
}

impl Source {
    pub(super) fn of(local: Option<&Stack>) -> Result<Self> {
        Ok(match local {
            Some(stack) => Self::Emulator {
                client: http::client(LIMIT)?,
                endpoint_url: stack.aws_endpoint_url.clone(),
                region: stack.region.clone(),
            },
            None => Self::Aws {
                program: "aws".into(),
            },
        })
    }

    /// The logs of a stack, by function.
    pub(super) async fn groups(&self, stack_name: &str) -> Result<Vec<Group>> {
        let mut groups = Vec::new();
        for prefix in prefixes(stack_name) {
            let mut request = json!({ "logGroupNamePrefix": prefix });
            for _ in 0..MAX_PAGES {
                let answer = self.call("DescribeLogGroups", &request).await?;
                let found = answer["logGroups"].as_array().into_iter().flatten();
                let names = found.filter_map(|group| group["logGroupName"].as_str());
                groups.extend(names.filter_map(|name| Group::parse(name, &prefix)));
                match &answer["nextToken"] {
                    Value::Null => break,
                    token => request["nextToken"] = token.clone(),
                }
            }
        }
        // The emulator does not filter by prefix, so one may be found twice.
        groups.sort_by(|one, other| one.function.cmp(&other.function));
        groups.dedup();
        Ok(groups)
    }

    /// The lines of a function since a time in milliseconds since 1970, all or those of a pattern, to the newest.
    pub(super) async fn lines(
        &self,
        group: &Group,
        since_ms: i64,
        pattern: Option<&str>,
    ) -> Result<Found> {
        let mut request = json!({
            "logGroupName": group.name,
            "startTime": since_ms.max(0),
            "limit": LINES_PER_PAGE,
        });
        if let Some(pattern) = pattern {
            request["filterPattern"] = pattern.into();
        }
        let mut found = Found::default();
        loop {
            let answer = self.call("FilterLogEvents", &request).await?;
            for entry in answer["events"].as_array().into_iter().flatten() {
                let line = Logged {
                    at_ms: entry["timestamp"].as_i64().unwrap_or_default(),
                    function: group.function.clone(),
                    message: entry["message"]
                        .as_str()
                        .unwrap_or_default()
                        .trim_end()
                        .to_owned(),
                    identity: format!("{} {entry}", group.name),
                };
                found.add(line, MAX_BYTES);
            }
            match &answer["nextToken"] {
                Value::Null => return Ok(found),
                // It would be read for ever.
                token if *token == request["nextToken"] => return Ok(found),
                token => request["nextToken"] = token.clone(),
            }
        }
    }

    async fn call(&self, action: &str, request: &Value) -> Result<Value> {
        match self {
            Self::Emulator {
                client,
                endpoint_url,
                region,
            } => {
                // The emulator does not check signatures of its root key, but uses their scope to find the service.
                let scope = format!(
                    "AWS4-HMAC-SHA256 Credential={LOCAL_KEY}/20260101/{region}/logs/aws4_request, SignedHeaders=host, Signature=0"
                );
                let answer = client
                    .post(endpoint_url)
                    .header("authorization", scope)
                    .header("x-amz-target", format!("Logs_20140328.{action}"))
                    .header("content-type", "application/x-amz-json-1.1")
                    .body(request.to_string())
                    .send()
                    .await
                    .context("reading logs from the emulator")?;
                let status = answer.status();
                ensure!(
                    status.is_success(),
                    "the emulator answered {status} to {action}"
                );
                answer
                    .json()
                    .await
                    .context("reading logs from the emulator")
            }
            Self::Aws { program } => {
                let output = Command::new(program)
                    .args([
                        "logs",
                        command_of(action),
                        "--no-paginate",
                        "--output",
                        "json",
                    ])
                    .args(["--cli-input-json", &request.to_string()])
                    .stdin(Stdio::null())
                    .kill_on_drop(true)
                    .output()
                    .await
                    .with_context(|| {
                        format!(
                            "starting {}: the logs of a deployed stack are read with the AWS CLI",
                            program.display()
                        )
                    })?;
                if !output.status.success() {
                    bail!(
                        "aws logs {}: {}",
                        command_of(action),
                        String::from_utf8_lossy(&output.stderr).trim()
                    );
                }
                serde_json::from_slice(&output.stdout).context("reading what the AWS CLI printed")
            }
        }
    }
}

fn command_of(action: &str) -> &'static str {
    match action {
        "DescribeLogGroups" => "describe-log-groups",
        _ => "filter-log-events",
    }
}

/// How the names of a stack's logs begin: `CloudFormation`'s form, and the emulator's.
fn prefixes(stack_name: &str) -> [String; 2] {
    [
        format!("{stack_name}-"),
        format!("/aws/cloudformation/{stack_name}/"),
    ]
}

impl Group {
    /// Of `<stack>-LoaderLogGroup-AB12CD`. `None` for the log of another stack, whose name only begins like this one's.
    fn parse(name: &str, prefix: &str) -> Option<Self> {
        let rest = name.strip_prefix(prefix)?;
        let (logical_id, random) = rest.split_once('-').unwrap_or((rest, ""));
        let id = logical_id
            .strip_suffix("LogGroup")
            .filter(|id| !id.is_empty())?;
        let is_own = !random.contains('-') && !id.contains('/');
        is_own.then(|| Self {
            function: short_name(id),
            name: name.to_owned(),
        })
    }
}

/// `schema-bootstrap` of `SchemaBootstrap`.
fn short_name(logical_id: &str) -> String {
    let mut name = String::new();
    let mut was_lower = false;
    for letter in logical_id.chars() {
        if letter.is_uppercase() && was_lower {
            name.push('-');
        }
        was_lower = letter.is_lowercase();
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn function(name: &str) -> Option<String> {
        prefixes("cistern")
            .iter()
            .find_map(|prefix| Group::parse(name, prefix))
            .map(|group| group.function)
    }

    #[test]
    fn logs_have_the_names_of_their_functions() {
        for (name, expected) in [
            ("cistern-LoaderLogGroup-1AB2C", Some("loader")),
            ("/aws/cloudformation/cistern/LoaderLogGroup", Some("loader")),
            (
                "cistern-SchemaBootstrapLogGroup-X",
                Some("schema-bootstrap"),
            ),
            ("cistern-MParticleApiLogGroup-X", Some("mparticle-api")),
            // Of the stack cistern-staging.
            ("cistern-staging-LoaderLogGroup-1AB2C", None),
            ("/aws/cloudformation/cistern-staging/LoaderLogGroup", None),
            ("cistern-LogGroup-1", None),
            ("/aws/lambda/other", None),
        ] {
            assert_eq!(function(name).as_deref(), expected, "{name}");
        }
    }

    #[tokio::test]
    async fn the_aws_cli_is_asked_in_its_own_words() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("aws");
        let script = concat!(
            "#!/bin/sh\n",
            "[ \"$1 $2 $3 $4 $5 $6\" = 'logs filter-log-events --no-paginate --output json --cli-input-json' ] || exit 9\n",
            "case $7 in *nextToken*) printf %s '{\"events\":[{\"timestamp\":2,\"message\":\"second\\n\"}]}' ;;\n",
            "*) printf %s '{\"events\":[{\"timestamp\":1,\"message\":\"first\"}],\"nextToken\":\"t\"}' ;; esac\n",
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let source = Source::Aws { program };
        let group = Group {
            function: "loader".to_owned(),
            name: "cistern-LoaderLogGroup-1".to_owned(),
        };

        let found = source.lines(&group, 0, None).await.unwrap();

        let messages: Vec<&str> = found
            .lines
            .iter()
            .map(|line| line.message.as_str())
            .collect();
        assert_eq!(messages, ["first", "second"]);
        assert!(!found.lacks_oldest);
    }

    #[test]
    fn of_too_many_lines_the_newest_are_kept() {
        let mut found = Found::default();
        for at_ms in 0..10 {
            let line = Logged {
                at_ms,
                function: "loader".to_owned(),
                message: "12345".to_owned(),
                identity: "12345".to_owned(),
            };
            found.add(line, 30);
        }

        let kept: Vec<i64> = found.lines.iter().map(|line| line.at_ms).collect();
        assert_eq!(kept, [7, 8, 9]);
        assert!(found.lacks_oldest);
    }
}
