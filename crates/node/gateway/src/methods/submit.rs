//! What is signed and handed in.

use super::Serve;
use access::{BadSignature, Invalid};
use replica::{Node, Rejected, Source, SubmitFailure};
use rpc::{Bytes, Error, SignatureReport, SubmitParams, Submitted};

impl Serve for SubmitParams {
    async fn serve(self, node: &Node, source: Source) -> Result<Vec<Submitted>, Error> {
        let submissions = self.submissions.into_iter().map(|Bytes(submission)| submission);
        let answers = node.submit_from(source, submissions.collect());
        let told = answers.into_iter().map(|answer| match answer {
            Ok(name) => Submitted::Taken { name: name.into() },
            Err(error) => {
                Submitted::Refused { refused: error.to_string(), signature: signature(&error) }
            }
        });
        Ok(told.collect())
    }
}

/// Returns, of a bad signature, all that a client needs to find out what it signed.
///
/// spec 0027-ACC-009.
fn signature(error: &SubmitFailure) -> Option<SignatureReport> {
    let SubmitFailure::Rejected(Rejected::Invalid(Invalid::Signature(bad))) = error else {
        return None;
    };
    Some(match bad.as_ref() {
        BadSignature::Owner { owner, recovered, domain, structure, digest, kind } => {
            SignatureReport::Owner {
                owner: (*owner).into(),
                recovered: recovered.map(Into::into),
                digest: (*digest).into(),
                domain_separator: (*domain).into(),
                struct_hash: (*structure).into(),
                kind: kind.to_string(),
            }
        }
        BadSignature::Session { key, digest } => {
            SignatureReport::Session { session_key: (*key).into(), digest: (*digest).into() }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Address, Hash, SessionKey};
    use rpc::Fixed;

    fn told(bad: BadSignature) -> Option<SignatureReport> {
        signature(&SubmitFailure::Rejected(Rejected::Invalid(Invalid::Signature(Box::new(bad)))))
    }

    #[test]
    fn a_bad_signature_comes_with_all_that_should_have_been_signed() {
        let [domain, structure, digest] = [1, 2, 3].map(|byte| Hash::new([byte; 32]));
        let owner = BadSignature::Owner {
            owner: Address::new([4; 20]),
            recovered: None,
            domain,
            structure,
            digest,
            kind: "CancelAll(string network)".to_owned(),
        };
        let expected = SignatureReport::Owner {
            owner: Fixed([4; 20]),
            recovered: None,
            digest: Fixed([3; 32]),
            domain_separator: Fixed([1; 32]),
            struct_hash: Fixed([2; 32]),
            kind: "CancelAll(string network)".to_owned(),
        };
        assert_eq!(told(owner), Some(expected));
        let session = BadSignature::Session { key: SessionKey::new([5; 32]), digest };
        let expected =
            SignatureReport::Session { session_key: Fixed([5; 32]), digest: Fixed([3; 32]) };
        assert_eq!(told(session), Some(expected));
    }

    #[test]
    fn what_is_refused_for_another_reason_has_no_signature_to_tell_of() {
        assert_eq!(signature(&SubmitFailure::Halted), None);
        let known = Rejected::Known(Hash::new([1; 32]));
        assert_eq!(signature(&SubmitFailure::Rejected(known)), None);
    }
}
