//! Progress on stderr: drawn on a terminal, one line for each finished step elsewhere.

use std::{
    fmt::Display,
    io::{IsTerminal as _, stderr},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(100);
/// How often a step is reported where nothing is drawn.
const REPORT: Duration = Duration::from_secs(5);

/// One step of the work. A step that is dropped without [`Step::done`] has failed.
#[derive(Debug)]
pub(crate) struct Step {
    name: String,
    started: Instant,
    spinner: Option<ProgressBar>,
    reporter: Option<Reporter>,
    finished: bool,
}

/// Prints what a step is doing, where nothing is drawn. Ends when it is dropped.
#[derive(Debug)]
struct Reporter {
    doing: Arc<Mutex<String>>,
    _alive: Sender<()>,
}

impl Reporter {
    fn start(name: String) -> Self {
        let doing = Arc::new(Mutex::new(String::new()));
        let (alive, ended) = mpsc::channel::<()>();
        let started = Instant::now();
        let shown = Arc::clone(&doing);
        thread::spawn(move || {
            while ended.recv_timeout(REPORT) == Err(RecvTimeoutError::Timeout) {
                let seconds = started.elapsed().as_secs();
                let doing = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
                eprintln!("… {name:<12} {seconds:>6} s  {doing}");
            }
        });
        Self {
            doing,
            _alive: alive,
        }
    }
}

impl Step {
    pub(crate) fn start(name: impl Into<String>) -> Self {
        let name = name.into();
        let spinner = is_drawn().then(|| {
            let style =
                ProgressStyle::with_template("{spinner} {prefix:<12} {elapsed:>8}  {wide_msg}")
                    .expect("the template is constant");
            let spinner = ProgressBar::new_spinner()
                .with_style(style)
                .with_prefix(name.clone());
            spinner.enable_steady_tick(TICK);
            spinner
        });
        Self {
            name,
            started: Instant::now(),
            spinner,
            reporter: None,
            finished: false,
        }
    }

    /// Shows what the step is doing off a terminal too: a line every five seconds.
    #[must_use]
    pub(crate) fn reported(mut self) -> Self {
        if self.spinner.is_none() {
            self.reporter = Some(Reporter::start(self.name.clone()));
        }
        self
    }

    /// Shows what the step is doing: on a terminal, or where it is [`reported`](Self::reported).
    pub(crate) fn note(&self, doing: impl Display) {
        if let Some(reporter) = &self.reporter {
            let mut shown = reporter
                .doing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *shown = doing.to_string();
        }
        if let Some(spinner) = &self.spinner {
            spinner.set_message(doing.to_string());
        }
    }

    /// Ends the step successfully and shows its result.
    pub(crate) fn done(mut self, result: impl Display) {
        self.finish('✔', &result.to_string());
    }

    fn finish(&mut self, mark: char, result: &str) {
        self.finished = true;
        self.reporter = None;
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
        let seconds = self.started.elapsed().as_secs_f32();
        eprintln!("{mark} {:<12} {seconds:>6.1} s  {result}", self.name);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.finished {
            self.finish('✘', "");
        }
    }
}

/// A bar for work of known size; nothing in a pipe.
pub(crate) fn bar(total: u64, unit: &str) -> ProgressBar {
    if !is_drawn() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(&format!(
        "{{bar:30}} {{human_pos}}/{{human_len}} {unit}  {{per_sec}}  {{eta}} left  {{msg}}"
    ))
    .expect("the template is constant but for its unit");
    ProgressBar::new(total).with_style(style)
}

/// Whether progress is drawn: stderr is a terminal.
pub(crate) fn is_drawn() -> bool {
    stderr().is_terminal()
}
