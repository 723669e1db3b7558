//! One hash over all outcomes: the Merkle tree hash of RFC 6962, section 2.1
//! (<https://www.rfc-editor.org/rfc/rfc6962#section-2.1>).
//!
//! A leaf is the UTF-8 text of a line; its hash is `SHA-256(0x00 ‖ line)`. The hash of a node is `SHA-256(0x01 ‖ left ‖ right)`, where
//! the left part has the largest power of two of leaves that is smaller than their number. The hash of no leaves is that of no bytes.

use sha2::{Digest as _, Sha256};

type Hash = [u8; 32];

/// The root over `lines`, in their order.
pub(super) fn root<'a>(lines: impl IntoIterator<Item = &'a str>) -> Hash {
    // Complete subtrees from left to right, each with its number of leaves, like the digits of a binary number.
    let mut subtrees: Vec<(u64, Hash)> = Vec::new();
    for line in lines {
        let mut tree = (1, leaf(line));
        while let Some((size, left)) = subtrees.pop() {
            if size != tree.0 {
                subtrees.push((size, left));
                break;
            }
            tree = (size * 2, node(&left, &tree.1));
        }
        subtrees.push(tree);
    }
    let mut subtrees = subtrees.into_iter().rev().map(|(_, hash)| hash);
    let Some(last) = subtrees.next() else {
        return Sha256::digest([]).into();
    };
    subtrees.fold(last, |right, left| node(&left, &right))
}

fn leaf(line: &str) -> Hash {
    let hash = Sha256::new_with_prefix([0]).chain_update(line);
    hash.finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let hash = Sha256::new_with_prefix([1]).chain_update(left);
    hash.chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition of RFC 6962, word for word.
    fn by_definition(lines: &[String]) -> Hash {
        match lines {
            [] => Sha256::digest([]).into(),
            [line] => leaf(line),
            lines => {
                let split = lines.len().next_power_of_two() / 2;
                let (left, right) = lines.split_at(split);
                node(&by_definition(left), &by_definition(right))
            }
        }
    }

    #[test]
    fn empty_tree_and_empty_leaf_have_the_hashes_of_certificate_transparency() {
        // <https://github.com/google/certificate-transparency/blob/master/python/ct/crypto/merkle_test.py>
        assert_eq!(
            hex::encode(root([])),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hex::encode(root([""])),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }

    proptest! {
        #[test]
        fn root_is_that_of_the_definition(lines in proptest::collection::vec("[a-c]{0,2}", 0..70)) {
            prop_assert_eq!(root(lines.iter().map(String::as_str)), by_definition(&lines));
        }

        #[test]
        fn every_line_and_their_order_matter(
            lines in proptest::collection::vec("[a-c]{2}", 1..40), at in any::<prop::sample::Index>()
        ) {
            let root_of = |lines: &[String]| root(lines.iter().map(String::as_str));
            let at = at.index(lines.len());
            let mut changed = lines.clone();
            changed[at].push('x');
            let mut shorter = lines.clone();
            shorter.remove(at);

            prop_assert_ne!(root_of(&changed), root_of(&lines));
            prop_assert_ne!(root_of(&shorter), root_of(&lines));
        }
    }
}
