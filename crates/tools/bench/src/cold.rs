//! The cost of a cold start: each HTTP function's release binary, from its start to its first response, with a stand-in
//! for Lambda's Runtime API (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).
//!
//! The request needs neither S3 nor Postgres, so only the function itself is measured: loading the program, reading its
//! settings, creating its clients, and processing one request.

mod runtime_api;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use self::runtime_api::RuntimeApi;
use crate::{
    figure::{Better, Figure},
    proc_stat,
};

/// Milliseconds of CPU time.
const TARGET: f64 = 6.0;
/// Lambda's image has the TLS roots in one file. Debian also has each in a separate file, and reading those would take
/// longer than everything else.
const DEBIANS_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Number of starts, of which the median is reported.
const RUNS: usize = 11;

/// An HTTP function, and a request that it answers without other services.
struct Subject {
    binary: &'static str,
    variables: &'static [(&'static str, &'static str)],
    request: fn() -> Value,
}

const SUBJECTS: [Subject; 5] = [
    Subject {
        binary: "ingest",
        variables: &[("EVENTS_BUCKET", "b"), ("KEYS_SECRET_ARN", "s")],
        // Without a key.
        request: || request("POST", "/webhooks/sparkpost"),
    },
    Subject {
        binary: "query",
        variables: &[("DATABASE_URL", "postgres://u:p@127.0.0.1:1/d")],
        request: || request("GET", "/openapi.json"),
    },
    Subject {
        binary: "track",
        variables: &[("DELIVERY_STREAM", "d"), ("KEYS_SECRET_ARN", "s")],
        // Without a key.
        request: || request("POST", "/track"),
    },
    Subject {
        binary: "authorizer",
        variables: &[("KEYS_SECRET_ARN", "s")],
        // A route that no key may call.
        request: || json!({ "type": "REQUEST", "routeKey": "GET /", "headers": {} }),
    },
    Subject {
        binary: "console",
        variables: &[
            ("KEYS_SECRET_ARN", "s"),
            ("API_ORIGIN", "https://api.invalid"),
            ("STACK_ID", "stack"),
        ],
        // A redirect, without a session.
        request: || request("GET", "/"),
    },
];

fn request(method: &str, path: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": "localhost" },
        "requestContext": {
            "apiId": "api",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1" },
            "requestId": "r",
            "stage": "$default",
            "timeEpoch": 0,
        },
        "isBase64Encoded": false,
    })
}

/// One start.
#[derive(Clone, Copy)]
struct Start {
    /// CPU time until the function requested its first event.
    init: Duration,
    /// CPU time until it had responded.
    total: Duration,
    wall: Duration,
}

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let binaries = build()?;
    SUBJECTS
        .iter()
        .map(|subject| figure(subject, &binaries))
        .collect()
}

/// Builds the functions with the profile `release`, as they are deployed.
fn build() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(&root)
        .args(["build", "--quiet", "--release"]);
    for subject in &SUBJECTS {
        cargo.args(["--bin", subject.binary]);
    }
    ensure!(
        cargo.status()?.success(),
        "the functions could not be built"
    );
    Ok(root.join("target/release"))
}

fn figure(subject: &Subject, binaries: &Path) -> Result<Figure> {
    let program = binaries.join(subject.binary);
    let mut starts = (0..RUNS)
        .map(|_| start(subject, &program))
        .collect::<Result<Vec<_>>>()?;
    starts.sort_by_key(|start| start.total);
    let middle = starts[RUNS / 2];
    let id = format!("cold.{}", subject.binary);
    let detail = json!({
        "init_ms": milliseconds(middle.init),
        "first_request_ms": milliseconds(middle.total.saturating_sub(middle.init)),
        "wall_ms": milliseconds(middle.wall),
        "least_ms": milliseconds(starts[0].total),
        "most_ms": milliseconds(starts[RUNS - 1].total),
        "program_bytes": program.metadata()?.len(),
    });
    Ok(
        Figure::new(id, milliseconds(middle.total), "ms cpu", Better::Lower)
            .target(TARGET)
            .detail(detail),
    )
}

fn start(subject: &Subject, program: &Path) -> Result<Start> {
    let api = RuntimeApi::listen()?;
    let began = Instant::now();
    let mut function = spawn(subject, program, api.address())?;
    let outcome = observe(&function, &api, subject, began);
    function.kill().context("stopping the function")?;
    function.wait().context("waiting for the function")?;
    outcome
}

fn observe(function: &Child, api: &RuntimeApi, subject: &Subject, began: Instant) -> Result<Start> {
    let event = api.wait_for_next()?;
    let init = proc_stat::of_threads(function.id())?;
    event.give(&(subject.request)())?;
    api.wait_for_response()?;
    let wall = began.elapsed();
    let total = proc_stat::of_threads(function.id())?;
    Ok(Start { init, total, wall })
}

fn spawn(subject: &Subject, program: &Path, runtime_api: String) -> Result<Child> {
    let roots = Path::new(DEBIANS_ROOTS);
    Command::new(program)
        .env_clear()
        .envs(roots.is_file().then_some(("SSL_CERT_FILE", roots)))
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", subject.binary)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .envs(subject.variables.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {}", program.display()))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
