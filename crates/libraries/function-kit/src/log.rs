//! Logs: one JSON object per line on standard output, with the fields beside the message and the spans around it.
//!
//! The request id comes from the span that `lambda_runtime` opens around each invocation, so every line written while
//! an event is handled carries it as `spans[0].requestId`.

use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter, subscriber};
use tracing_subscriber::{
    Layer, filter::filter_fn, fmt, fmt::MakeWriter, layer::SubscriberExt, registry::LookupSpan,
};

use crate::Env;

/// The crates of this workspace that log. All others are limited to `INFO`: `lambda_runtime` prints the event at `TRACE`, HTTP clients print headers at
/// `DEBUG`.
const OWN_CRATES: [&str; 18] = [
    "access_keys",
    "archiver",
    "authorizer",
    "canary",
    "console",
    "custom_resource",
    "eraser",
    "event_store",
    "forwarder",
    "function_kit",
    "ingest",
    "loader",
    "migrator",
    "object_worker",
    "query",
    "reconciler",
    "repair",
    "schema_bootstrap",
];

/// The format of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    #[default]
    Json,
    /// Text for a terminal.
    Text,
}

/// Writes the process's logs to standard output, in the format and from the level of Lambda's logging configuration. Called once,
/// first in `main`.
///
/// An invalid setting falls back to the default: a function must not fail because of its logs.
pub fn init() {
    let env = Env::process();
    let setting = |name| env.optional(name).ok().flatten().unwrap_or_default();
    let format = parse_format(&setting("AWS_LAMBDA_LOG_FORMAT"));
    let level = parse_level(&setting("AWS_LAMBDA_LOG_LEVEL"));
    // Fails only if a subscriber is already set, which is then kept.
    let _ = subscriber::set_global_default(subscriber_to(std::io::stdout, format, level));
}

/// The subscriber behind [`init`], printing to `writer`.
pub fn subscriber_to<W>(
    writer: W,
    format: Format,
    level: LevelFilter,
) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::registry()
        .with(layer(writer, format).with_filter(filter_fn(move |line| is_wanted(line, level))))
}

fn layer<S, W>(writer: W, format: Format) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    // The module path is of no use to a person who reads the log.
    let layer = fmt::layer().with_writer(writer).with_target(false);
    match format {
        Format::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .boxed(),
        Format::Text => layer.with_ansi(false).boxed(),
    }
}

fn is_wanted(line: &Metadata<'_>, level: LevelFilter) -> bool {
    // The span with the request id has level INFO and is needed for a WARN line too.
    if line.is_span() && *line.level() <= Level::INFO {
        return true;
    }
    let source = line.target().split("::").next().unwrap_or_default();
    *line.level() <= level && (*line.level() <= Level::INFO || OWN_CRATES.contains(&source))
}

fn parse_format(text: &str) -> Format {
    if text.eq_ignore_ascii_case("text") {
        Format::Text
    } else {
        Format::Json
    }
}

fn parse_level(text: &str) -> LevelFilter {
    match text.to_ascii_uppercase().as_str() {
        "TRACE" => LevelFilter::TRACE,
        "DEBUG" => LevelFilter::DEBUG,
        "WARN" => LevelFilter::WARN,
        // `tracing` has nothing above ERROR.
        "ERROR" | "FATAL" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tracing::{debug, info, info_span, trace, warn};

    use super::*;
    use crate::capture::{Capture, CapturedLog};

    #[test]
    fn line_is_json_with_fields_beside_message_and_request_id_in_its_span() {
        let log = CapturedLog::start();

        {
            let _span = info_span!("Lambda runtime invoke", requestId = "c0ffee").entered();
            let _item = info_span!("object", object.key = "raw/x").entered();
            warn!(event_count = 3, "object loaded");
        }

        let text = log.text();
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "object loaded");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["event_count"], 3);
        assert_eq!(line["spans"][0]["requestId"], "c0ffee");
        assert_eq!(line["spans"][1]["object.key"], "raw/x");
        assert!(line["timestamp"].is_string());
        assert!(line.get("target").is_none());
    }

    /// The crates of functions and libraries that have `tracing` among their dependencies.
    #[test]
    fn every_crate_of_ours_that_logs_is_known() {
        let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let mut logging: Vec<String> = ["functions", "libraries"]
            .iter()
            .flat_map(|folder| std::fs::read_dir(format!("{crates}/{folder}")).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                let manifest = std::fs::read_to_string(path.join("Cargo.toml")).unwrap();
                manifest
                    .lines()
                    .any(|line| line == "tracing.workspace = true")
            })
            .map(|path| {
                path.file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('-', "_")
            })
            .collect();
        logging.sort();

        assert_eq!(OWN_CRATES.as_slice(), logging);
    }

    #[test]
    fn libraries_are_held_at_info_whatever_the_level() {
        let log = CapturedLog::start();

        trace!(target: "lambda_runtime::layers::api_response", body = "planted", "raw JSON event received");
        debug!(target: "hyper::proto", "headers");
        info!(target: "aws_config", "from a library");
        trace!(target: "loader::object", "of our own");

        let text = log.text();
        assert!(
            !text.contains("planted") && !text.contains("headers"),
            "{text}"
        );
        assert!(
            text.contains("from a library") && text.contains("of our own"),
            "{text}"
        );
    }

    #[test]
    fn request_id_is_there_when_only_warnings_are_wanted() {
        let _is_asked = CapturedLog::start();
        let capture = Capture::default();

        subscriber::with_default(
            subscriber_to(capture.clone(), Format::Json, LevelFilter::WARN),
            || {
                let _span = info_span!("Lambda runtime invoke", requestId = "c0ffee").entered();
                info!("not wanted");
                warn!("wanted");
            },
        );

        let line: Value = serde_json::from_str(&capture.text()).unwrap();
        assert_eq!(
            (&line["message"], &line["spans"][0]["requestId"]),
            (&"wanted".into(), &"c0ffee".into())
        );
    }

    #[test]
    fn settings_of_lambda_are_understood_and_strange_ones_are_the_default() {
        assert_eq!(parse_format("Text"), Format::Text);
        assert_eq!(parse_format("JSON"), Format::Json);
        assert_eq!(parse_format(""), Format::Json);
        assert_eq!(parse_level("DEBUG"), LevelFilter::DEBUG);
        assert_eq!(parse_level("FATAL"), LevelFilter::ERROR);
        assert_eq!(parse_level("info"), LevelFilter::INFO);
        assert_eq!(parse_level(""), LevelFilter::INFO);
        assert_eq!(parse_level("loud"), LevelFilter::INFO);
    }
}
