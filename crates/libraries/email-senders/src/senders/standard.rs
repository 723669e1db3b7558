//! Any sender of Standard Webhooks: kept whole and found by time and type, without a type of SparkPost.

mod setup;

use crate::{
    proof::{STANDARD_HEADERS, STANDARD_ID_HEADERS, check_standard_secret, standard_webhooks},
    provider::{Element, Provider, Scheme},
    rows::{Meaning, Row, Rows},
};

pub(crate) const STANDARD: Provider = Provider {
    name: "standard",
    label: "Standard Webhooks",
    proof: Some(Scheme {
        secret: "the secret of the endpoint: whsec_…, or the public key whpk_…",
        setup: setup::SETUP,
        headers: STANDARD_HEADERS,
        refusal_status: 401,
        check_secret: check_standard_secret,
        verify: standard_webhooks,
        certified: None,
        test: setup::test,
    }),
    id_headers: STANDARD_ID_HEADERS,
    translate,
};

fn translate(element: &Element<'_>, rows: &mut Rows<'_>) {
    let event = element.fields.text("type").unwrap_or("unknown".into());
    let mut row = Row::default();
    row.time(element.fields.text("timestamp"));
    rows.add(
        element.text,
        &event,
        Meaning::other("unknown"),
        element.delivery_id,
        row,
    );
}
