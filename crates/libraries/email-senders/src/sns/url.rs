//! Addresses of SNS. Anything that two programs might read differently is refused: ports, users, escapes, dot segments, other letters.

/// Longer than any; tokens have 256 characters.
const MAX_BYTES: usize = 1_024;

/// An address on a host of SNS: `https://sns.<region>.amazonaws.com` or `.com.cn`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnsUrl {
    text: String,
    /// Where its path begins.
    path: usize,
}

impl SnsUrl {
    /// The address of a certificate: a path that ends in `.pem`, without a query.
    pub(super) fn of_certificate(text: &str) -> Option<Self> {
        let url = Self::parse(text)?;
        let path = url.path_and_query();
        let ending = path.rsplit_once('.').map(|(_, ending)| ending);
        let is_certificate = ending == Some("pem") && !path.contains('?');
        is_certificate.then_some(url)
    }

    /// The address that confirms a subscription.
    pub(super) fn of_confirmation(text: &str) -> Option<Self> {
        let url = Self::parse(text)?;
        let is_confirmation = url
            .path_and_query()
            .starts_with("/?Action=ConfirmSubscription&");
        is_confirmation.then_some(url)
    }

    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://")?;
        let slash = rest.find('/')?;
        let (host, path) = rest.split_at(slash);
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"/?=&:._-".contains(&byte);
        let is_safe = text.len() <= MAX_BYTES
            && is_host(host)
            && path.bytes().all(is_known)
            && !path.contains("..")
            && !path.contains("//");
        is_safe.then(|| Self {
            text: text.to_owned(),
            path: text.len() - path.len(),
        })
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its path and query, from the slash on.
    pub fn path_and_query(&self) -> &str {
        self.text.get(self.path..).unwrap_or_default()
    }
}

/// Whether a host is `sns.<region>.amazonaws.com` or `sns.<region>.amazonaws.com.cn`.
fn is_host(host: &str) -> bool {
    let region = host.strip_prefix("sns.").and_then(|rest| {
        rest.strip_suffix(".amazonaws.com")
            .or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
    });
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    region.is_some_and(|region| (3..=32).contains(&region.len()) && region.bytes().all(is_known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_on_hosts_of_sns_are_certificates() {
        for right in [
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1.pem",
            "https://sns.us-gov-west-1.amazonaws.com/a/b.pem",
        ] {
            let url = SnsUrl::of_certificate(right).unwrap();
            assert_eq!(url.as_str(), right);
            assert!(url.path_and_query().starts_with('/'));
        }
        for wrong in [
            "",
            "https://",
            "http://sns.us-east-1.amazonaws.com/a.pem",
            "HTTPS://sns.us-east-1.amazonaws.com/a.pem",
            "https:/sns.us-east-1.amazonaws.com/a.pem",
            "//sns.us-east-1.amazonaws.com/a.pem",
            "file://sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com",
            "https://sns.us-east-1.amazonaws.com/",
            "https://sns.us-east-1.amazonaws.com/a.pem?x=1",
            "https://sns.us-east-1.amazonaws.com/a?x=.pem",
            "https://sns.us-east-1.amazonaws.com/a#.pem",
            "https://sns.us-east-1.amazonaws.com/a.pem#",
            "https://sns.us-east-1.amazonaws.com/a.PEM",
            "https://sns.us-east-1.amazonaws.com/a.pem/",
            "https://sns.us-east-1.amazonaws.com/../a.pem",
            "https://sns.us-east-1.amazonaws.com//a.pem",
            "https://sns.us-east-1.amazonaws.com/%2e%2e/a.pem",
            "https://sns.us-east-1.amazonaws.com\\@evil.example/a.pem",
            "https://sns.us-east-1.amazonaws.com@evil.example/a.pem",
            "https://user@sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com:443/a.pem",
            "https://sns.us-east-1.amazonaws.com:8443/a.pem",
            "https://sns.us-east-1.amazonaws.com./a.pem",
            "https://sns.us-east-1.amazonaws.com.evil.example/a.pem",
            "https://sns.us-east-1.amazonaws.co/a.pem",
            "https://sns.us-east-1.amazonaws.com.br/a.pem",
            "https://sns.us-east-1.amazonaws.comevil/a.pem",
            "https://sns.us-east-1.evil.amazonaws.com/a.pem",
            "https://evil.sns.us-east-1.amazonaws.com/a.pem",
            "https://evilsns.us-east-1.amazonaws.com/a.pem",
            "https://sns.amazonaws.com/a.pem",
            "https://sns..amazonaws.com/a.pem",
            "https://sqs.us-east-1.amazonaws.com/a.pem",
            "https://bucket.s3.us-east-1.amazonaws.com/a.pem",
            "https://s3.amazonaws.com/sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.US-EAST-1.amazonaws.com/a.pem",
            "https://sns.us_east_1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com/a.pem\n",
            " https://sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com\t/a.pem",
            "https://sns.us-e\u{430}st-1.amazonaws.com/a.pem",
            "https://127.0.0.1/a.pem",
            "https://169.254.169.254/latest/a.pem",
            "https://[::1]/a.pem",
            "https://sns.169.254.169.254/a.pem",
        ] {
            assert_eq!(SnsUrl::of_certificate(wrong), None, "{wrong:?}");
        }
        let long = format!(
            "https://sns.us-east-1.amazonaws.com/{}.pem",
            "a".repeat(1_024)
        );
        assert_eq!(SnsUrl::of_certificate(&long), None);
    }

    #[test]
    fn only_the_confirmation_on_a_host_of_sns_is_confirmed() {
        let right = "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-west-2:123456789012:a&Token=0af";
        assert!(SnsUrl::of_confirmation(right).is_some());
        for wrong in [
            right.replace("Confirm", "Delete"),
            right.replace("/?", "/x?"),
            right.replace("https", "http"),
            right.replace("amazonaws.com", "amazonaws.example"),
            right.replace(".com/", ".com:80/"),
            format!("{right}#"),
            format!("{right} "),
        ] {
            assert_eq!(SnsUrl::of_confirmation(&wrong), None, "{wrong}");
        }
    }
}
