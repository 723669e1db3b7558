//! Progress on stderr: drawn on a terminal, one line for each finished step elsewhere.

use std::{
    fmt::Display,
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// One step of the work. A step that is dropped without [`Step::done`] has failed.
#[derive(Debug)]
pub(crate) struct Step {
    name: String,
    started: Instant,
    spinner: Option<ProgressBar>,
    finished: bool,
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
            finished: false,
        }
    }

    /// Shows what the step is doing. Visible on a terminal only.
    pub(crate) fn note(&self, doing: impl Display) {
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

fn is_drawn() -> bool {
    stderr().is_terminal()
}
