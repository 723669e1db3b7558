//! A function's program, run like on Lambda: a stand-in for the Runtime API, and a memory limit that kills.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{Response, StatusCode},
    routing::{get, post},
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::{Mutex, mpsc},
    time::timeout,
};

/// The time limit of an invocation, the longest that Lambda allows: programs of a debug build are ten times slower than
/// a release build, and a machine that runs tests is busy.
pub(crate) const TIME_LIMIT: Duration = Duration::from_mins(15);

/// A function's process.
pub(crate) struct Lambda {
    name: &'static str,
    process: Child,
    events: mpsc::Sender<Vec<u8>>,
    answers: mpsc::Receiver<Answer>,
}

struct Answer {
    is_error: bool,
    body: Bytes,
}

struct Api {
    events: Mutex<mpsc::Receiver<Vec<u8>>>,
    answers: mpsc::Sender<Answer>,
}

impl Lambda {
    /// Starts a function's program with `memory_mib` of memory.
    ///
    /// `ulimit -d` limits the private writable memory of a process, in KiB: heap, stacks of threads and their mappings
    /// (`RLIMIT_DATA`, <https://man7.org/linux/man-pages/man2/getrlimit.2.html>). An allocation beyond it fails and
    /// aborts the process, which Lambda would kill.
    pub(crate) async fn start(
        name: &'static str,
        memory_mib: u64,
        environment: &[(&str, String)],
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (events, event_source) = mpsc::channel(1);
        let (answer_sink, answers) = mpsc::channel(1);
        let api = Arc::new(Api {
            events: Mutex::new(event_source),
            answers: answer_sink,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/{outcome}",
                post(answer),
            )
            .layer(DefaultBodyLimit::disable())
            .with_state(api);
        tokio::spawn(async move { axum::serve(listener, router).await });

        let kibibytes = memory_mib * 1024;
        let process = Command::new("sh")
            .arg("-c")
            .arg(format!("ulimit -d {kibibytes} && exec \"$0\""))
            .arg(program(name)?)
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", endpoint()?)
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory_mib.to_string())
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .env("AWS_LAMBDA_LOG_LEVEL", "ERROR")
            .env("METRICS_NAMESPACE", "Cistern/junk")
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self {
            name,
            process,
            events,
            answers,
        })
    }

    /// Sends an event to the function, and returns its response.
    ///
    /// # Errors
    /// When it dies, fails, or takes too long.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Value> {
        self.events.send(serde_json::to_vec(event)?).await?;
        let answered = tokio::select! {
            answer = timeout(TIME_LIMIT, self.answers.recv()) => answer,
            status = self.process.wait() => bail!("{} died: {}", self.name, status?),
        };
        let answer = answered
            .with_context(|| format!("{} does not answer", self.name))?
            .context("the stand-in for the Runtime API lives")?;
        ensure!(
            !answer.is_error,
            "{} failed: {}",
            self.name,
            String::from_utf8_lossy(&answer.body)
        );
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// The peak memory of the process, including its program, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<u64> {
        let id = self.process.id().context("it runs")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        Ok(peak.context("a process has a peak")?.parse::<u64>()? / 1024)
    }
}

/// Waits for an event; the function waits as long.
async fn next(State(api): State<Arc<Api>>) -> Response<Body> {
    let Some(event) = api.events.lock().await.recv().await else {
        return std::future::pending().await;
    };
    let deadline = SystemTime::now() + TIME_LIMIT;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis();
    Response::builder()
        .header(
            "Lambda-Runtime-Aws-Request-Id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        )
        .header("Lambda-Runtime-Deadline-Ms", deadline.to_string())
        .header(
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:0:function:junk",
        )
        .header("Content-Type", "application/json")
        .body(event.into())
        .unwrap()
}

async fn answer(
    State(api): State<Arc<Api>>,
    Path((_, outcome)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let is_error = outcome == "error";
    api.answers.send(Answer { is_error, body }).await.unwrap();
    StatusCode::ACCEPTED
}

/// The endpoint of the local AWS.
pub(crate) fn endpoint() -> Result<String> {
    std::env::var("AWS_ENDPOINT_URL").context(
        "AWS_ENDPOINT_URL must name a local AWS endpoint; `make test` starts one and sets it",
    )
}

/// Programs are built beside the tests.
fn program(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this
        .ancestors()
        .nth(2)
        .context("tests are in target/…/deps")?;
    let program = folder.join(name);
    ensure!(program.exists(), "{} is not built", program.display());
    Ok(program)
}
