//! Rejected items as a person reads them.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::table::{Align, fit, lay_out, printable_lines, records, text_of};

/// The letters of an id that lists show; more distinguish items whose ids begin alike.
const ID_LETTERS: usize = 10;

pub(super) fn table(items: &[Value], room: Option<usize>) -> String {
    let mut rows = vec![
        ["id", "rejected_at", "pipeline", "status", "reason"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(items.iter().map(|item| {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let reason = match item["detail"].as_str() {
            Some(detail) => format!("{}: {detail}", text("reason")),
            None => text("reason"),
        };
        vec![
            short_id(item),
            text("rejected_at"),
            text("pipeline"),
            text("status"),
            reason,
        ]
    }));
    room.and_then(|room| fit(&rows, room, |_| Align::Left))
        .unwrap_or_else(|| lay_out(&rows, |_| Align::Left))
}

/// The id as a person types it, short: the beginning of a hash of the whole one.
pub(super) fn short_id(item: &Value) -> String {
    hash(item).chars().take(ID_LETTERS).collect()
}

fn hash(item: &Value) -> String {
    hex::encode(Sha256::digest(
        item["id"].as_str().unwrap_or_default().as_bytes(),
    ))
}

/// Whether a person means this item: by its id, or by the first letters of the short one.
pub(super) fn is_meant(item: &Value, given: &str) -> bool {
    item["id"] == given || (!given.is_empty() && hash(item).starts_with(given))
}

/// The item and what to do. `suffix` is appended to commands that look for it again.
pub(super) fn described(item: &Value, suffix: &str, room: Option<usize>) -> String {
    let names = [
        "id",
        "status",
        "marked_at",
        "note",
        "retried_as",
        "pipeline",
        "reason",
        "detail",
        "rejected_at",
        "source_key",
        "batch_key",
        "message_id",
        "ordinal",
        "item_bytes",
        "item_base64",
    ]
    .map(str::to_owned);
    let values: Vec<Option<String>> = names
        .iter()
        .map(|name| text_of(&item[name.as_str()]))
        .collect();
    let head = records(&names, std::iter::once(values.as_slice()), 1, room);
    let head = head
        .split_once('\n')
        .and_then(|(_, rest)| rest.split_once('\n'))
        .map_or(head.as_str(), |(_, rest)| rest);
    let mut text = head.to_owned();
    if let Some(raw) = item["item"].as_str() {
        let pretty = serde_json::from_str::<Value>(raw).map(|value| format!("{value:#}"));
        let shown = pretty.unwrap_or_else(|_| raw.to_owned());
        let _infallible = write!(text, "\n\n{}", printable_lines(&shown));
        if item["is_item_truncated"] == true {
            text.push_str("\n… (the rest is in source_key)");
        }
    }
    let _infallible = write!(text, "\n\n{}", advice(item, suffix));
    text
}

/// What a person does next.
fn advice(item: &Value, suffix: &str) -> String {
    let id = short_id(item);
    let fix = match item["pipeline"].as_str() {
        Some("email_events") => {
            "Fix the sender and send the corrected event again with `cistern send FILE`."
        }
        Some("app_events") => {
            "`cistern forward --dry-run FILE` shows what would become of a corrected batch, and why."
        }
        _ => "Fix the sender and send the corrected event again.",
    };
    format!(
        "{fix} If a newer version or setting of Cistern accepts the item: `cistern rejected retry {id}{suffix} --run`. \
         When nothing more is to be done: `cistern rejected settle {id}{suffix} --note WHY --run`."
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(ordinal: u32) -> Value {
        json!({"id": format!("row.2026-11-17.{ordinal}.b"), "status": "open", "marked_at": null, "note": null, "retried_as": null,
            "pipeline": "email_events", "store": "postgres", "reason": "`timestamp` is missing", "rejected_at": "2026-11-17T09:00:00Z",
            "source_key": "raw/sparkpost/dt=2026-11-17/b.json.gz", "batch_key": "b", "ordinal": ordinal, "detail": null,
            "item": "{\"type\":\"\u{1b}[2J\"}", "item_bytes": 17, "is_item_truncated": false})
    }

    #[test]
    fn an_id_is_that_of_one_item() {
        assert_ne!(short_id(&item(1)), short_id(&item(2)));
        for given in [
            "row.2026-11-17.1.b",
            &short_id(&item(1)),
            &short_id(&item(1))[..4],
        ] {
            assert!(
                is_meant(&item(1), given) && !is_meant(&item(2), given),
                "{given}"
            );
        }
        assert!(!is_meant(&item(1), ""));
    }

    #[test]
    fn a_list_shows_reasons_and_ids() {
        let text = table(&[item(1)], None);

        assert!(
            text.contains("`timestamp` is missing") && text.contains(&short_id(&item(1))),
            "{text}"
        );
    }

    #[test]
    fn an_item_is_shown_as_received_and_with_what_to_do() {
        let text = described(&item(1), " --stack mail", Some(80));

        assert!(text.starts_with("id"), "{text}");
        assert!(
            !text.contains('\u{1b}') && text.contains("{\"type\":\"␛[2J\"}"),
            "{text}"
        );
        assert!(text.contains("cistern send FILE"), "{text}");
        assert!(text.contains(" --stack mail --run`"), "{text}");
    }
}
