//! The ways to fail.

use serde::{Deserialize, Serialize};

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 200, but the items of some users are refused, and the users are named.
    UsersFailed,
    /// 200, but some items are refused, and nobody is named.
    UnnamedFailures,
    /// 400, with the index of an item.
    InvalidItem,
    /// 400, without an index.
    Refused,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 413.
    TooLarge,
    /// 429, with `Retry-After: 1`.
    RateLimited,
    /// 503, and nothing is accepted.
    Unavailable,
    /// 503, although everything is accepted.
    ResponseLost,
    /// 200 and everything is accepted, but the response is truncated.
    ResponseCut,
    /// Everything is accepted, but there is no response for a minute.
    Hang,
}

impl Fault {
    /// Every way to fail.
    pub const ALL: [Self; 12] = [
        Self::UsersFailed,
        Self::UnnamedFailures,
        Self::InvalidItem,
        Self::Refused,
        Self::Unauthorized,
        Self::Forbidden,
        Self::TooLarge,
        Self::RateLimited,
        Self::Unavailable,
        Self::ResponseLost,
        Self::ResponseCut,
        Self::Hang,
    ];

    /// Whether the fault says something about the items, which would be false for a single valid one.
    pub(crate) const fn is_about_items(self) -> bool {
        match self {
            Self::UsersFailed
            | Self::UnnamedFailures
            | Self::InvalidItem
            | Self::Refused
            | Self::TooLarge => true,
            Self::Unauthorized
            | Self::Forbidden
            | Self::RateLimited
            | Self::Unavailable
            | Self::ResponseLost
            | Self::ResponseCut
            | Self::Hang => false,
        }
    }
}

/// A way to fail for the next requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedFault {
    /// The fault.
    pub fault: Fault,
    /// The number of requests.
    #[serde(default = "once")]
    pub times: u32,
}

const fn once() -> u32 {
    1
}

/// Random faults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomFaults {
    /// The share of requests that fail, from 0 to 1.
    pub share: f64,
    /// The same seed fails the same requests.
    #[serde(default)]
    pub seed: u64,
    /// The possible faults, all equally likely. By default all except `hang`.
    #[serde(default = "all_but_hang")]
    pub faults: Vec<Fault>,
}

fn all_but_hang() -> Vec<Fault> {
    Fault::ALL
        .into_iter()
        .filter(|fault| *fault != Fault::Hang)
        .collect()
}
