//! Captures a function's standard output in tests.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tracing::{Dispatch, dispatcher, level_filters::LevelFilter, subscriber::NoSubscriber};
use tracing_subscriber::fmt::MakeWriter;

use crate::log::{Format, subscriber_to};

/// The text that all clones have written.
#[derive(Clone, Debug, Default)]
pub struct Capture(Arc<Mutex<Vec<u8>>>);

impl Capture {
    /// The text written so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// The sum of a metric over all lines written so far, each of which is JSON.
    pub fn sum(&self, metric: &str) -> u64 {
        let text = self.text();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
        lines.filter_map(|line| line[metric].as_u64()).sum()
    }
}

impl Write for Capture {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Capture {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Captures the log of the current thread, from level `TRACE`, until it is dropped.
pub struct CapturedLog {
    capture: Capture,
    _is_default: dispatcher::DefaultGuard,
    _second: Dispatch,
}

impl CapturedLog {
    /// Starts to capture.
    pub fn start() -> Self {
        let capture = Capture::default();
        // With a single subscriber, `tracing` caches whether a call site is enabled by asking the first thread that reaches it, and
        // another test's thread may have logs disabled. A second subscriber makes it ask every thread.
        let second = Dispatch::new(NoSubscriber::new());
        let subscriber = Dispatch::new(subscriber_to(
            capture.clone(),
            Format::Json,
            LevelFilter::TRACE,
        ));
        Self {
            capture,
            _is_default: dispatcher::set_default(&subscriber),
            _second: second,
        }
    }

    /// All lines so far.
    pub fn text(&self) -> String {
        self.capture.text()
    }
}

impl fmt::Debug for CapturedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CapturedLog").finish_non_exhaustive()
    }
}
