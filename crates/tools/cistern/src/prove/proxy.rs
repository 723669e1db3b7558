//! Proxies that make calls fail: before the services that functions use, and before the gateway that senders use.
//!
//! They read whole requests and responses as bytes, because an HTTP library would not let them close a connection in the middle of one.

mod aws;
mod http;
mod listener;
mod postgres;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub(super) use self::{
    http::{Calls, HttpProxy},
    postgres::PostgresProxy,
};
use super::plan::{Fault, Moment, Site};

/// How long a delayed call waits: longer than some callers do, and shorter than others.
pub(super) const DELAYS: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_secs(2),
    Duration::from_secs(9),
];

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    /// It fails.
    Fault(Fault),
    /// Its caller is killed.
    Kill(Moment),
}

/// The faults that wait for a call, and those that have found one.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    armed: BTreeMap<Site, VecDeque<Strike>>,
    injected: BTreeMap<(Site, Fault), u64>,
}

impl Faults {
    /// The next call at `site` is struck.
    pub(super) fn arm(&self, site: Site, strike: Strike) {
        self.state()
            .armed
            .entry(site)
            .or_default()
            .push_back(strike);
    }

    /// What happens to a call at `site`, if anything; counts it.
    pub(super) fn strike(&self, site: Site) -> Option<Strike> {
        let mut state = self.state();
        let strike = state.armed.get_mut(&site)?.pop_front()?;
        if let Strike::Fault(fault) = strike {
            *state.injected.entry((site, fault)).or_default() += 1;
        }
        Some(strike)
    }

    /// How many wait for a call.
    pub(super) fn waiting(&self) -> usize {
        self.state().armed.values().map(VecDeque::len).sum()
    }

    /// Forgets those that wait; returns how many they were.
    pub(super) fn calm(&self) -> usize {
        let armed = std::mem::take(&mut self.state().armed);
        armed.values().map(VecDeque::len).sum()
    }

    /// The faults that happened.
    pub(super) fn injected(&self) -> BTreeMap<(Site, Fault), u64> {
        self.state().injected.clone()
    }

    /// A different delay each time.
    fn delay(&self) -> Duration {
        let count: u64 = self.state().injected.values().sum();
        let index = usize::try_from(count).unwrap_or(0) % DELAYS.len();
        DELAYS.get(index).copied().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_armed_fault_strikes_one_call_at_its_site() {
        let faults = Faults::default();
        faults.arm(Site::StoreRaw, Strike::Fault(Fault::Throttle));
        faults.arm(Site::StoreRaw, Strike::Kill(Moment::AfterEffect));

        assert_eq!(faults.strike(Site::Receive), None);
        assert_eq!(
            faults.strike(Site::StoreRaw),
            Some(Strike::Fault(Fault::Throttle))
        );
        assert_eq!(faults.waiting(), 1);
        assert_eq!(
            faults.strike(Site::StoreRaw),
            Some(Strike::Kill(Moment::AfterEffect))
        );
        assert_eq!(faults.strike(Site::StoreRaw), None);
        assert_eq!(
            faults.injected(),
            [((Site::StoreRaw, Fault::Throttle), 1)].into()
        );
    }

    #[test]
    fn nothing_strikes_after_the_end() {
        let faults = Faults::default();
        faults.arm(Site::Commit, Strike::Fault(Fault::LoseResponse));

        assert_eq!(faults.calm(), 1);
        assert_eq!(faults.strike(Site::Commit), None);
        assert!(faults.injected().is_empty());
    }
}
