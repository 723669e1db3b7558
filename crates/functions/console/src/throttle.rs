//! How often a wrong key may be tried from one address.
//!
//! A key has 256 bits, so guessing is hopeless anyway; what this bounds is noise, and what a weak key of the operator's own
//! would suffer. Each running copy of the function counts for itself, and the gateway limits the route for all of them.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

/// So many at once,
const BURST: i64 = 5;
/// and then one in so many seconds.
const SECONDS_EACH: i64 = 10;
/// Beyond so many addresses the ones that have waited longest are forgotten, so that memory is bounded.
const MOST_ADDRESSES: usize = 1_024;

/// Failed attempts by address: the time at which all are forgiven.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<String, i64>>);

impl Throttle {
    /// How many seconds the address has to wait before it may try again; none when it may.
    pub(crate) fn wait_seconds(&self, address: &str, now: Timestamp) -> Option<i64> {
        let forgiven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = forgiven.get(&network(address))?;
        let wait = until - (BURST - 1) * SECONDS_EACH - now.as_second();
        (wait > 0).then_some(wait)
    }

    /// Counts a wrong key.
    pub(crate) fn failed(&self, address: &str, now: Timestamp) {
        let now = now.as_second();
        let mut forgiven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forgiven.retain(|_, until| *until > now);
        if forgiven.len() >= MOST_ADDRESSES {
            let oldest = forgiven
                .iter()
                .min_by_key(|(_, until)| **until)
                .map(|(network, _)| network.clone());
            oldest.map(|network| forgiven.remove(&network));
        }
        let until = forgiven.entry(network(address)).or_insert(now);
        *until = (*until).max(now) + SECONDS_EACH;
    }
}

/// A household has one address of version 4 and 2^64 of version 6.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => format!("{:x}/64", address.to_bits() >> 64),
        Ok(IpAddr::V4(address)) => address.to_string(),
        // Without an address all share one.
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    #[test]
    fn five_wrong_keys_and_then_one_in_ten_seconds() {
        let throttle = Throttle::default();
        for _ in 0..BURST {
            assert_eq!(throttle.wait_seconds("192.0.2.1", at(0)), None);
            throttle.failed("192.0.2.1", at(0));
        }

        assert_eq!(throttle.wait_seconds("192.0.2.1", at(0)), Some(10));
        assert_eq!(throttle.wait_seconds("192.0.2.1", at(9)), Some(1));
        assert_eq!(throttle.wait_seconds("192.0.2.1", at(10)), None);
        throttle.failed("192.0.2.1", at(10));
        assert_eq!(throttle.wait_seconds("192.0.2.1", at(10)), Some(10));
        assert_eq!(throttle.wait_seconds("192.0.2.2", at(10)), None);
        assert_eq!(throttle.wait_seconds("192.0.2.1", at(60)), None);
    }

    #[test]
    fn addresses_of_one_household_count_together() {
        let throttle = Throttle::default();
        for host in 0..BURST {
            throttle.failed(&format!("2001:db8:1:2::{host}"), at(0));
        }

        assert!(
            throttle
                .wait_seconds("2001:db8:1:2:ffff::1", at(0))
                .is_some()
        );
        assert!(throttle.wait_seconds("2001:db8:1:3::1", at(0)).is_none());
    }

    #[test]
    fn memory_is_bounded_and_who_tries_most_is_remembered() {
        let throttle = Throttle::default();
        for _ in 0..BURST {
            throttle.failed("192.0.2.1", at(0));
        }
        for host in 0..5_000_u32 {
            throttle.failed(
                &std::net::Ipv4Addr::from(0x0a00_0000 + host).to_string(),
                at(0),
            );
        }

        assert!(throttle.0.lock().unwrap().len() <= MOST_ADDRESSES);
        assert!(throttle.wait_seconds("192.0.2.1", at(0)).is_some());
    }
}
