//! How long acknowledgements take while a replay runs under its rate.

use std::{
    env,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    figure::{Better, Figure},
    psql::Psql,
};

/// How often each side is measured. They alternate.
const ROUNDS: usize = 3;
/// The posts of a round: 30 seconds of ten batches a second.
const POSTS: usize = 300;
const EVENTS_PER_POST: usize = 100;
const POSTED_EVENTS_PER_SECOND: usize = 1_000;
/// The objects that are replayed, of a thousand events each, and how many of them a second.
const OBJECTS: usize = 100;
const OBJECTS_PER_SECOND: &str = "2";
/// The 99th percentile with a replay, divided by that without.
const P99_TARGET: f64 = 1.2;

/// A local stack, operated by its own command line.
struct Stack {
    program: PathBuf,
    data_dir: PathBuf,
    database: Psql,
}

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let stack = Stack::of_environment()?;
    eprintln!("posting what is replayed later");
    stack.generate(0, OBJECTS * 1_000, 1_000, OBJECTS * 1_000)?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        without.push(stack.p99(round * 2)?);
        // So that the replay has something to load.
        stack
            .database
            .run("truncate email_events, batches, email_events_rejected")?;
        let mut replay = stack.replay()?;
        let p99 = stack.p99(round * 2 + 1);
        let is_running = replay.try_wait()?.is_none();
        replay.kill().context("ending the replay")?;
        replay.wait()?;
        with.push(p99?);
        ensure!(is_running, "the replay ended before the measurement did");
    }
    let (without_ms, with_ms) = (median(&without), median(&with));
    let detail = json!({ "without_ms": without, "with_ms": with });
    Ok(vec![
        Figure::new(
            "replay.acknowledgement_p99_ratio".to_owned(),
            with_ms / without_ms,
            "of without",
            Better::Lower,
        )
        .target(P99_TARGET)
        .detail(detail),
        Figure::new(
            "replay.acknowledgement_p99".to_owned(),
            with_ms,
            "ms",
            Better::Lower,
        ),
    ])
}

impl Stack {
    fn of_environment() -> Result<Self> {
        let stack_path = PathBuf::from(env::var("CISTERN_STACK_JSON").context(
            "CISTERN_STACK_JSON must name the description of a local stack; `cistern exec` sets it",
        )?);
        let data_dir = stack_path
            .parent()
            .context("the data directory")?
            .to_owned();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        Ok(Self {
            program: target.join("debug/cistern"),
            data_dir,
            database: Psql::new(env::var("DATABASE_URL").context("DATABASE_URL is not set")?),
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(&self.data_dir);
        command
    }

    /// Posts generated events; returns the 99th percentile of the time to the response, in milliseconds.
    fn generate(
        &self,
        seed: usize,
        events: usize,
        per_post: usize,
        per_second: usize,
    ) -> Result<f64> {
        let numbers = [seed, events, per_post, per_second].map(|number| number.to_string());
        let [seed, events, per_post, per_second] = numbers.each_ref().map(String::as_str);
        let output = self
            .command(&[
                "generate",
                "sparkpost",
                "--json",
                "--seed",
                seed,
                "--count",
                events,
                "--batch-size",
                per_post,
                "--rate",
                per_second,
            ])
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("running {}", self.program.display()))?;
        ensure!(output.status.success(), "posting failed");
        let summary: Value =
            serde_json::from_slice(&output.stdout).context("reading the summary")?;
        ensure!(summary["refused"] == 0, "batches were refused: {summary}");
        summary["p99_ms"]
            .as_f64()
            .context("the summary has a p99_ms")
    }

    fn p99(&self, seed: usize) -> Result<f64> {
        self.generate(
            seed,
            POSTS * EVENTS_PER_POST,
            EVENTS_PER_POST,
            POSTED_EVENTS_PER_SECOND,
        )
    }

    fn replay(&self) -> Result<Child> {
        self.command(&[
            "replay",
            "raw/sparkpost/",
            "--run",
            "--restart",
            "--rate",
            OBJECTS_PER_SECOND,
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the replay")
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
