//! What a running validator tells those who ask, and what it takes from them: it sees the other rooms, and none sees it.

pub(crate) mod node;
pub(crate) mod status;
