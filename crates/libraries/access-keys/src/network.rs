//! Networks from which a route may be called.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;

/// Text that is not a list of networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a network such as 203.0.113.0/24")]
pub struct NetworkError;

/// The networks from which a route may be called, as written in one variable: `203.0.113.0/24,2001:db8::/32`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// The expected form of the variable, for the error about another one.
    pub const FORM: &str = "networks such as 203.0.113.0/24, separated by commas";

    /// Whether this address may call. An empty list allows any address; an unreadable address is in no network.
    pub fn allow(&self, address: &str) -> bool {
        self.0.is_empty()
            || address.parse().is_ok_and(|address: IpAddr| {
                self.0.iter().any(|network| network.contains(&address))
            })
    }
}

impl FromStr for Networks {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let networks = text.split(',').map(|network| network.trim().parse());
        let networks: Result<_, _> = networks.collect();
        networks.map(Self).map_err(|_| NetworkError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_belong_to_their_networks() {
        let table = [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.9/24", "203.0.113.1", true),
            ("198.51.100.7/32", "198.51.100.7", true),
            ("198.51.100.7/32", "198.51.100.6", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
        ];

        for (network, address, expected) in table {
            let networks: Networks = network.parse().unwrap();
            assert_eq!(networks.allow(address), expected, "{network} {address}");
        }
    }

    #[test]
    fn other_texts_are_no_networks() {
        for text in [
            "",
            "203.0.113.0",
            "203.0.113.0/33",
            "203.0.113/24",
            "::/129",
            "a/8",
            "1.2.3.4/-1",
        ] {
            assert_eq!(text.parse::<Networks>(), Err(NetworkError), "{text}");
        }
    }

    #[test]
    fn without_networks_everybody_is_allowed_and_with_them_nobody_unknown() {
        let networks: Networks = "203.0.113.0/24, 2001:db8::/32".parse().unwrap();

        assert!(Networks::default().allow("198.51.100.7"));
        assert!(Networks::default().allow(""));
        assert!(networks.allow("203.0.113.9"));
        assert!(networks.allow("2001:db8::1"));
        assert!(!networks.allow("198.51.100.7"));
        assert!(!networks.allow(""));
    }

    #[test]
    fn one_wrong_network_spoils_the_list() {
        for text in ["203.0.113.0/24,anywhere", "203.0.113.0/24,", ","] {
            assert_eq!(text.parse::<Networks>(), Err(NetworkError), "{text}");
        }
    }
}
