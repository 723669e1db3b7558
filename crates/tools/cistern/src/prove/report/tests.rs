use super::*;
use crate::prove::plan::Sizes;

const SIZES: Sizes = Sizes {
    email_events: 10,
    other_senders_percent: 33,
    app_events: 0,
    product_events: 0,
    kills: 0,
    faults: 0,
};

fn report_of<'a>(plan: &'a Plan, lost: &[&str]) -> Report<'a> {
    let comparison = Comparison {
        sent: 10,
        acknowledged: 10,
        stored: 10 - lost.len() as u64,
        lost: lost.iter().map(|id| (*id).to_owned()).collect(),
        ..Comparison::default()
    };
    Report {
        plan,
        commit: Some("abc".to_owned()),
        stores: vec![StoreResult {
            pipeline: Pipeline::EmailEvents,
            store: "Postgres",
            comparison,
        }],
        outcomes: vec!["email_events\te-1-0\tstored".to_owned()],
        deliveries: Deliveries::default(),
        erasure: ErasureResult {
            is_complete: true,
            ..ErasureResult::default()
        },
        disturbances: Disturbances {
            injected: [((Site::StoreRaw, Fault::Throttle), 2)].into(),
            of_destination: [("response_cut".to_owned(), 3)].into(),
            ..Disturbances::default()
        },
        rejections: BTreeMap::new(),
        dead: BTreeMap::new(),
        seconds: 1.0,
    }
}

fn report(plan: &Plan, lost: &[&str]) -> (String, serde_json::Value) {
    let report = report_of(plan, lost);
    (
        report.text(),
        serde_json::to_value(report.receipt()).unwrap(),
    )
}

#[test]
fn what_is_lost_is_said_and_named() {
    let plan = Plan::new(1, SIZES);

    let (text, receipt) = report(&plan, &["e-1-3", "e-1-4"]);

    assert!(
        text.contains("email_events in Postgres, lost: e-1-3, e-1-4"),
        "{text}"
    );
    assert!(
        text.ends_with("DOES NOT HOLD: lost 2, doubled 0, unexpected 0"),
        "{text}"
    );
    assert_eq!(
        (&receipt["holds"], &receipt["stores"][0]["lost"]),
        (&false.into(), &2.into())
    );
}

#[test]
fn a_run_that_holds_says_what_was_done_to_it() {
    let plan = Plan::new(1, SIZES);

    let (text, receipt) = report(&plan, &[]);

    assert!(text.contains("5 faults of 2 kinds"), "{text}");
    assert!(text.contains("seed 1, commit abc"), "{text}");
    assert!(
        text.ends_with("holds: lost 0, doubled 0, unexpected 0"),
        "{text}"
    );
    assert_eq!(receipt["faults_by_call"]["s3 put raw, throttled"], 2);
    assert_eq!(receipt["merkle_root"].as_str().unwrap().len(), 64);
}

#[test]
fn a_run_after_which_the_person_remains_does_not_hold() {
    let plan = Plan::new(1, SIZES);
    let mut report = report_of(&plan, &[]);
    report.erasure.remains = vec!["raw/track/x".to_owned()];

    let text = report.text();

    assert!(
        text.contains("of the person remains: raw/track/x"),
        "{text}"
    );
    assert!(!report.holds());
    report.erasure.remains.clear();
    report.erasure.is_complete = false;
    assert!(!report.holds());
}

#[test]
fn long_lists_are_shortened() {
    let ids: Vec<String> = (0..25).map(|number| number.to_string()).collect();

    assert!(first_of(&ids).ends_with("19 and 5 more"));
    assert_eq!(first_of(&ids[..2]), "0, 1");
}
