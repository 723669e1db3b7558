//! The wire format of a generated event.

use std::collections::BTreeMap;

use serde::Serialize;

use super::uuid;
use crate::random::{Random, choose, scramble};

const SCREENS: [&str; 6] = ["Home", "Shop", "Tea", "Basket", "Profile", "Timer"];
const EVENTS: [&str; 4] = ["Steeped", "Shared Recipe", "Rated Tea", "Searched"];
const ACTIONS: [&str; 4] = ["add_to_cart", "view_detail", "remove_from_cart", "checkout"];
const TRANSITIONS: [&str; 3] = [
    "application_initialized",
    "application_foreground",
    "application_background",
];
const TEAS: [(&str, &str, f64); 3] = [
    ("tea-1", "Assam", 11.9),
    ("tea-2", "Sencha", 14.5),
    ("tea-3", "Oolong", 19.0),
];

/// The distribution of types in a thousand events.
const TYPE_MIX: [(Kind, u64); 8] = [
    (Kind::ScreenView, 480),
    (Kind::CustomEvent, 240),
    (Kind::Transition, 120),
    (Kind::SessionStart, 50),
    (Kind::SessionEnd, 50),
    (Kind::Commerce, 35),
    (Kind::Purchase, 10),
    (Kind::PushMessage, 15),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ScreenView,
    CustomEvent,
    Transition,
    SessionStart,
    SessionEnd,
    Commerce,
    Purchase,
    PushMessage,
}

/// One event of a batch.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    data: Payload,
    event_type: &'static str,
}

#[derive(Debug, Serialize)]
struct Payload {
    timestamp_unixtime_ms: i64,
    event_id: i64,
    source_message_id: String,
    session_id: i64,
    session_uuid: String,
    session_start_unixtime_ms: i64,
    event_start_unixtime_ms: i64,
    custom_attributes: Option<BTreeMap<&'static str, String>>,
    location: Option<()>,
    is_goal_defined: bool,
    data_connection_type: &'static str,
    #[serde(flatten)]
    of_type: OfType,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum OfType {
    Nothing {},
    ScreenView {
        screen_name: &'static str,
        activity_type: &'static str,
    },
    CustomEvent {
        event_name: &'static str,
        custom_event_type: &'static str,
    },
    Transition {
        application_transition_type: &'static str,
        is_first_run: bool,
        is_upgrade: bool,
        launch_referral: Option<()>,
    },
    SessionEnd {
        session_duration_ms: u64,
    },
    Commerce {
        currency_code: &'static str,
        product_action: ProductAction,
    },
    PushMessage {
        push_message_type: &'static str,
        network: &'static str,
        application_state: &'static str,
    },
}

#[derive(Debug, Serialize)]
struct ProductAction {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<String>,
    total_amount: f64,
    products: [Product; 1],
}

#[derive(Debug, Serialize)]
struct Product {
    id: &'static str,
    name: &'static str,
    category: &'static str,
    price: f64,
    quantity: u8,
}

impl Kind {
    fn draw(random: &mut Random) -> Self {
        let mut draw = random.below(1_000);
        for (kind, share) in TYPE_MIX {
            if draw < share {
                return kind;
            }
            draw -= share;
        }
        Self::ScreenView
    }

    const fn event_type(self) -> &'static str {
        match self {
            Self::ScreenView => "screen_view",
            Self::CustomEvent => "custom_event",
            Self::Transition => "application_state_transition",
            Self::SessionStart => "session_start",
            Self::SessionEnd => "session_end",
            Self::Commerce | Self::Purchase => "commerce_event",
            Self::PushMessage => "push_message",
        }
    }
}

impl Event {
    /// Another event of a session, at `at_ms`.
    pub(super) fn draw(random: &mut Random, id: u64, session: u64, at_ms: i64) -> Self {
        let kind = Kind::draw(random);
        let attributes = match kind {
            Kind::ScreenView => Some(BTreeMap::from([
                ("tab", choose(&SCREENS, id).to_lowercase()),
                (
                    "experiment",
                    ["a", "b"][usize::from(id.is_multiple_of(2))].to_owned(),
                ),
            ])),
            Kind::CustomEvent => Some(BTreeMap::from([
                ("minutes", (1 + id % 9).to_string()),
                ("temperature", format!("{}.5", 70 + id % 30)),
                ("organic", (id.is_multiple_of(2)).to_string()),
            ])),
            Kind::Transition
            | Kind::SessionStart
            | Kind::SessionEnd
            | Kind::Commerce
            | Kind::Purchase
            | Kind::PushMessage => None,
        };
        let data = Payload {
            timestamp_unixtime_ms: at_ms,
            event_id: scramble(id).cast_signed(),
            source_message_id: uuid(scramble(!id), id),
            session_id: session.cast_signed(),
            session_uuid: uuid(scramble(session), session),
            session_start_unixtime_ms: at_ms - 60_000,
            event_start_unixtime_ms: at_ms,
            custom_attributes: attributes,
            location: None,
            is_goal_defined: false,
            data_connection_type: "wifi",
            of_type: OfType::draw(kind, random, id),
        };
        Self {
            data,
            event_type: kind.event_type(),
        }
    }
}

impl OfType {
    fn draw(kind: Kind, random: &mut Random, id: u64) -> Self {
        match kind {
            Kind::ScreenView => Self::ScreenView {
                screen_name: choose(&SCREENS, id),
                activity_type: "activity_started",
            },
            Kind::CustomEvent => Self::CustomEvent {
                event_name: choose(&EVENTS, id),
                custom_event_type: "other",
            },
            Kind::Transition => Self::Transition {
                application_transition_type: choose(&TRANSITIONS, id),
                is_first_run: false,
                is_upgrade: random.chance(0.02),
                launch_referral: None,
            },
            Kind::SessionStart => Self::Nothing {},
            Kind::SessionEnd => Self::SessionEnd {
                session_duration_ms: 1_000 + random.below(600_000),
            },
            Kind::Commerce => Self::commerce(choose(&ACTIONS, id), None, id),
            Kind::Purchase => Self::commerce("purchase", Some(format!("order-{id:016x}")), id),
            Kind::PushMessage => Self::PushMessage {
                push_message_type: "received",
                network: "apn",
                application_state: "background",
            },
        }
    }

    fn commerce(action: &'static str, transaction_id: Option<String>, id: u64) -> Self {
        let (tea_id, name, price) = choose(&TEAS, id);
        Self::Commerce {
            currency_code: "GBP",
            product_action: ProductAction {
                action,
                transaction_id,
                total_amount: price * 2.0,
                products: [Product {
                    id: tea_id,
                    name,
                    category: "tea",
                    price,
                    quantity: 2,
                }],
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_types_add_up() {
        assert_eq!(TYPE_MIX.iter().map(|(_, share)| share).sum::<u64>(), 1_000);
    }
}
