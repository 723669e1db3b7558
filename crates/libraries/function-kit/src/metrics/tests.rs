use super::*;
use crate::capture::Capture;

fn printed(tally: &Tally) -> String {
    let capture = Capture::default();
    Metrics::to(Pipeline::EmailEvents, capture.clone()).emit(
        tally,
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
    );
    capture.text()
}

#[test]
fn line_has_what_the_embedded_metric_format_requires() {
    let mut tally = Tally::default();
    tally.add(Metric::Received, 3);
    tally.add(Metric::Received, 4);
    tally.add(Metric::Duplicate, 0);
    tally.add(Metric::ReceivedBytes, 512);

    let text = printed(&tally);

    // Required: _aws with Timestamp in milliseconds and CloudWatchMetrics; in each directive Namespace, Dimensions
    // and Metrics; and every dimension and metric named there as a member of the root object.
    assert_eq!(text.lines().count(), 1);
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        json!({
            "_aws": {
                "Timestamp": 1_700_000_000_123_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "Cistern",
                    "Dimensions": [["pipeline"]],
                    "Metrics": [
                        { "Name": "received", "Unit": "Count" },
                        { "Name": "duplicate", "Unit": "Count" },
                        { "Name": "received_bytes", "Unit": "Bytes" },
                    ],
                }],
            },
            "pipeline": "email_events",
            "received": 7,
            "duplicate": 0,
            "received_bytes": 512,
        })
    );
}

#[test]
fn namespace_is_the_one_of_the_stack() {
    let mut tally = Tally::default();
    tally.add(Metric::Late, 1);

    let metrics = Metrics::stdout(Pipeline::AppEvents, Some("Cistern/staging"));

    let document = metrics.document(&tally, SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(
        document["_aws"]["CloudWatchMetrics"][0]["Namespace"],
        "Cistern/staging"
    );
}

#[test]
fn particulars_stand_beside_the_metrics_and_never_in_their_place() {
    let capture = Capture::default();
    let mut tally = Tally::default();
    tally.add(Metric::Skipped, 2);
    let particulars = [("reasons", json!({ "type_off": 2 })), ("skipped", json!(7))];

    Metrics::to(Pipeline::AppEvents, capture.clone()).emit_with(
        &tally,
        particulars
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect(),
        SystemTime::UNIX_EPOCH,
    );

    let line: Value = serde_json::from_str(&capture.text()).unwrap();
    assert_eq!(line["skipped"], 2);
    assert_eq!(line["reasons"]["type_off"], 2);
    assert_eq!(line["pipeline"], "app_events");
}

#[test]
fn empty_tally_prints_nothing() {
    assert_eq!(printed(&Tally::default()), "");
}

#[test]
fn every_metric_has_its_own_place() {
    for (index, metric) in Metric::ALL.into_iter().enumerate() {
        assert_eq!(metric as usize, index, "{metric:?}");
    }
}
