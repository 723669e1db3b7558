//! Networks from which a route may be called.

use std::{net::IpAddr, str::FromStr};

/// A range of addresses, such as `203.0.113.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u32,
}

/// Text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a network such as 203.0.113.0/24")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (base, prefix) = text.split_once('/').ok_or(NetworkError)?;
        let base: IpAddr = base.parse().map_err(|_| NetworkError)?;
        let prefix = prefix.parse().map_err(|_| NetworkError)?;
        if prefix > width(base) {
            return Err(NetworkError);
        }
        Ok(Self { base, prefix })
    }
}

impl Network {
    /// Whether an address belongs to it.
    pub fn contains(self, address: IpAddr) -> bool {
        let ignored = width(self.base) - self.prefix;
        width(self.base) == width(address)
            && (bits(self.base) ^ bits(address))
                .checked_shr(ignored)
                .unwrap_or(0)
                == 0
    }
}

/// The networks from which a route may be called, as one variable has them: `203.0.113.0/24,2001:db8::/32`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// How the variable is to be written, for the error about one that is not.
    pub const FORM: &str = "networks such as 203.0.113.0/24, separated by commas";

    /// Whether this address may call. No network at all means any address; an address that cannot be read is in none.
    pub fn allow(&self, address: &str) -> bool {
        self.0.is_empty()
            || address
                .parse()
                .is_ok_and(|address| self.0.iter().any(|network| network.contains(address)))
    }
}

impl FromStr for Networks {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let networks = text.split(',').map(|network| network.trim().parse());
        networks.collect::<Result<_, _>>().map(Self)
    }
}

const fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
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
            ("198.51.100.7/32", "198.51.100.7", true),
            ("198.51.100.7/32", "198.51.100.6", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
        ];

        for (network, address, expected) in table {
            let network: Network = network.parse().unwrap();
            assert_eq!(
                network.contains(address.parse().unwrap()),
                expected,
                "{network:?} {address}"
            );
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
            assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text}");
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
