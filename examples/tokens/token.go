// Makes a token for a page: `sealed KEY_ID AUDIENCE` or `bridge APP`, the account as JSON on standard input.
package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"time"
)

const lifetime = 60 * time.Second

var base64url = base64.RawURLEncoding

// Sealed makes wt1.KEY_ID.BASE64URL(nonce | AES-256-GCM | tag); what stands before the last dot is authenticated too.
func Sealed(keyID string, key []byte, audience string, account map[string]any) (string, error) {
	now, random := time.Now(), make([]byte, 12+16)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	nonce, id := random[:12:12], random[12:]
	claims, err := json.Marshal(map[string]any{
		"aud": audience, "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
		"jti": base64url.EncodeToString(id), "account": account,
	})
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	head := "wt1." + keyID
	return head + "." + base64url.EncodeToString(gcm.Seal(nonce, nonce, claims, []byte(head))), nil
}

// Bridge makes APP:HEX.MAC, as the web call server has it and a MAC behind it.
func Bridge(app string, key, macKey []byte, account map[string]any) (string, error) {
	names := [][2]string{{"user", "login"}, {"auth_name", "authenticationName"}, {"password", "password"},
		{"domain", "domain"}, {"outbound_proxy", "outboundProxy"}, {"port", "port"}, {"visible_name", "visibleName"}}
	var text strings.Builder
	text.WriteString("<root")
	for _, name := range names {
		if value, ok := account[name[0]]; ok {
			fmt.Fprintf(&text, ` %s="`, name[1])
			if err := xml.EscapeText(&text, []byte(fmt.Sprint(value))); err != nil {
				return "", err
			}
			text.WriteString(`"`)
		}
	}
	fmt.Fprintf(&text, ` expires="%d"/>`, time.Now().Add(lifetime).UnixNano())
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	octets := []byte(text.String())
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(octets, octets)
	signed := app + ":" + hex.EncodeToString(octets)
	mac := hmac.New(sha256.New, macKey)
	mac.Write([]byte("gw-token-v1." + signed))
	return signed + "." + base64url.EncodeToString(mac.Sum(nil)), nil
}

func run() (string, error) {
	var account map[string]any
	decoder := json.NewDecoder(os.Stdin)
	decoder.UseNumber()
	if err := decoder.Decode(&account); err != nil {
		return "", err
	}
	key, err := hex.DecodeString(os.Getenv("TOKEN_KEY"))
	if err != nil {
		return "", err
	}
	if os.Args[1] == "sealed" {
		return Sealed(os.Args[2], key, os.Args[3], account)
	}
	return Bridge(os.Args[2], key, []byte(os.Getenv("MAC_KEY")), account)
}

func main() {
	token, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(token)
}
