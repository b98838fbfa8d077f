// Package walk finds where the authority for a name lies, from the root hints
// down and without any resolver, so that nothing between the servers and us
// can lie. What it learns is kept by TTL and shared by all checks; parents are
// asked gently.
//
// Bounds of one call (a hostile zone can make loops of CNAME, NS and glueless
// names): MaxQueries queries, MaxDepth name servers resolved within each other,
// MaxAliases CNAME, MaxServers servers of a delegation used, MaxCache zones
// kept, and the context's deadline.
package walk
