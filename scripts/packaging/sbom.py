"""The list of parts of a package, as an SPDX 2.3 document."""

import datetime
import hashlib
import json
import re


def identifier(*words):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(words))


def digest(path, kind):
    return hashlib.new(kind, path.read_bytes()).hexdigest()


def package(part, files):
    """The entry of a part, which has the given files."""
    entry = {
        "SPDXID": identifier("Package", part.name), "name": part.name, "versionInfo": part.version,
        "downloadLocation": "NOASSERTION", "filesAnalyzed": bool(files),
        "licenseConcluded": part.licence, "licenseDeclared": part.licence,
        "copyrightText": "NOASSERTION", "supplier": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                          "referenceLocator": part.purl}],
    }
    if files:
        sums = "".join(sorted(digest(path, "sha1") for path in files))
        entry["packageVerificationCode"] = {
            "packageVerificationCodeValue": hashlib.sha1(sums.encode()).hexdigest()}
    return entry


def document(parts, stage, epoch):
    """The text of the document. `parts`: the program first. `stage`: the folder with bin and lib."""
    program = parts[0]
    shipped = sorted([stage / "bin/dit", *(stage / "lib/dit").glob("*.so*")])
    owners = {path: next(part for part in parts if re.fullmatch(part.files, path.name)) for path in shipped}
    files = [{
        "SPDXID": identifier("File", path.name), "fileName": f"./{path.relative_to(stage)}",
        "checksums": [{"algorithm": "SHA1", "checksumValue": digest(path, "sha1")},
                      {"algorithm": "SHA256", "checksumValue": digest(path, "sha256")}],
        "licenseConcluded": owners[path].licence, "copyrightText": "NOASSERTION",
    } for path in shipped]
    main = identifier("Package", program.name)
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", main)]
    relations += [(main, "DEPENDS_ON", identifier("Package", part.name)) for part in parts[1:]]
    relations += [(identifier("Package", owners[path].name), "CONTAINS", identifier("File", path.name))
                  for path in shipped]
    content = hashlib.sha256("".join(
        file["checksums"][1]["checksumValue"] for file in files).encode()).hexdigest()
    created = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"dit-{program.version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/dit-{program.version}-{content[:32]}",
        "creationInfo": {"created": created, "creators": ["Tool: swift-dit-make-package"]},
        "packages": [package(part, [path for path in shipped if owners[path] is part]) for part in parts],
        "files": files,
        "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b}
                          for a, kind, b in relations],
    }, indent=1) + "\n"
